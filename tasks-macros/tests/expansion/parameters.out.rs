async fn search(query: &str, most: u32, token: String, tags: &[String]) -> Vec<Hit> {
    find(query, most, &token, tags).await
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "search",
        description: ::core::option::Option::None,
        signature: "(query: &str, limit: u32 = 10, token: String, tags: &[String]) -> Vec<Hit>",
        tags: &[],
        timeout: ::core::option::Option::None,
        job: __rt::JobPolicy::DEFAULT,
        tool: __rt::ToolPolicy::DEFAULT,
        module: ::core::module_path!(),
        file: ::core::file!(),
        line: ::core::line!(),
        discover: true,
        error_codes: &[],
        events: &[],
        shim: &__rt::asynchronous(
            search,
            (
                __rt::request_slot(
                    <__rt::Probe<<str as ::std::borrow::ToOwned>::Owned>>::__TASK_SOURCE,
                    __rt::Parameter {
                        name: "query",
                        annotation: "&str",
                        description: ::core::option::Option::Some("What to look for."),
                        default: ::core::option::Option::None,
                        secret: false,
                        constraints: &[],
                    },
                    ::core::option::Option::None,
                    ::core::option::Option::Some(
                        __rt::example(
                            <__rt::Probe<
                                <str as ::std::borrow::ToOwned>::Owned,
                            >>::__TASK_SOURCE,
                            || -> <str as ::std::borrow::ToOwned>::Owned {
                                <__rt::TextProbe<
                                    <str as ::std::borrow::ToOwned>::Owned,
                                >>::__task_text("rust")
                            },
                        ),
                    ),
                ),
                (
                    __rt::request_slot(
                        <__rt::Probe<u32>>::__TASK_SOURCE,
                        __rt::Parameter {
                            name: "limit",
                            annotation: "u32",
                            description: ::core::option::Option::None,
                            default: ::core::option::Option::Some("10"),
                            secret: false,
                            constraints: &[],
                        },
                        ::core::option::Option::Some(__rt::Default {
                            value: || -> u32 { 10 },
                            json: <__rt::JsonProbe<u32>>::__TASK_JSON,
                        }),
                        ::core::option::Option::None,
                    ),
                    (
                        __rt::request_slot(
                            <__rt::Probe<String>>::__TASK_SOURCE,
                            __rt::Parameter {
                                name: "token",
                                annotation: "String",
                                description: ::core::option::Option::None,
                                default: ::core::option::Option::None,
                                secret: true,
                                constraints: &[],
                            },
                            ::core::option::Option::None,
                            ::core::option::Option::None,
                        ),
                        (
                            __rt::slot(
                                <__rt::Probe<
                                    <[String] as ::std::borrow::ToOwned>::Owned,
                                >>::__TASK_SOURCE,
                                __rt::Parameter {
                                    name: "tags",
                                    annotation: "&[String]",
                                    description: ::core::option::Option::None,
                                    default: ::core::option::Option::None,
                                    secret: false,
                                    constraints: &[],
                                },
                            ),
                            (),
                        ),
                    ),
                ),
            ),
            |(__0, (__1, (__2, (__3, ()))))| {
                let __0 = __0.take();
                let __1 = __1.take();
                let __2 = __2.take();
                let __3 = __3.take();
                async move { search(&__0, __1, __2, &__3).await }
            },
            <__rt::TaskReturn<Vec<Hit>>>::__task_finish,
            |__generator| {
                <__rt::TaskReturn<Vec<Hit>>>::__TASK_OUTPUT.__task_schema(__generator)
            },
            <__rt::TaskReturn<Vec<Hit>>>::__TASK_ERROR,
        ),
    });
};
