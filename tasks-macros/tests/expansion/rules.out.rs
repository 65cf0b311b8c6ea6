async fn book_room(room: &str, stay: Stay) -> String {
    book(room, stay).await
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "book_room",
        description: ::core::option::Option::None,
        signature: "(room: &str, stay: Stay) -> String",
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
                book_room,
                (
                    __rt::slot(
                        <__rt::Probe<
                            <str as ::std::borrow::ToOwned>::Owned,
                        >>::__TASK_SOURCE,
                        __rt::Parameter {
                            name: "room",
                            annotation: "&str",
                            description: ::core::option::Option::None,
                            default: ::core::option::Option::None,
                            secret: false,
                            constraints: &[],
                        },
                    ),
                    (
                        __rt::request_slot(
                            <__rt::Probe<Stay>>::__TASK_SOURCE,
                            __rt::Parameter {
                                name: "stay",
                                annotation: "Stay",
                                description: ::core::option::Option::None,
                                default: ::core::option::Option::None,
                                secret: false,
                                constraints: &[],
                            },
                            ::core::option::Option::None,
                            ::core::option::Option::None,
                        ),
                        (),
                    ),
                ),
                |(__0, (__1, ()))| {
                    let __0 = __0.take();
                    let __1 = __1.take();
                    async move { book_room(&__0, __1).await }
                },
                <__rt::TaskReturn<String>>::__task_finish,
                |__generator| {
                    <__rt::TaskReturn<String>>::__TASK_OUTPUT.__task_schema(__generator)
                },
                <__rt::TaskReturn<String>>::__TASK_ERROR,
            )
            .validated(
                |(__0, (__1, ())), __validation| {
                    __validation.garde::<Stay>(1usize, __1.value());
                    __validation
                        .rule(
                            check_stay(
                                __rt::given::<
                                    <str as ::std::borrow::ToOwned>::Owned,
                                    _,
                                >(
                                    <__rt::Probe<
                                        <str as ::std::borrow::ToOwned>::Owned,
                                    >>::__TASK_SOURCE,
                                    __0,
                                ),
                                __rt::given::<
                                    Stay,
                                    _,
                                >(<__rt::Probe<Stay>>::__TASK_SOURCE, __1),
                            ),
                        );
                },
                &[(1usize, __rt::garde_requires::<Stay>)],
            ),
    });
};
fn count(from: NaiveDate, to: i64, settings: Settings) -> i64 {
    settings.count(from, to)
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "count",
        description: ::core::option::Option::None,
        signature: "(from: NaiveDate, until: i64, settings: Settings) -> i64",
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
        shim: &__rt::blocking(
                count,
                (
                    __rt::slot(
                        <__rt::Probe<NaiveDate>>::__TASK_SOURCE,
                        __rt::Parameter {
                            name: "from",
                            annotation: "NaiveDate",
                            description: ::core::option::Option::None,
                            default: ::core::option::Option::None,
                            secret: false,
                            constraints: &[],
                        },
                    ),
                    (
                        __rt::slot(
                            <__rt::Probe<i64>>::__TASK_SOURCE,
                            __rt::Parameter {
                                name: "until",
                                annotation: "i64",
                                description: ::core::option::Option::None,
                                default: ::core::option::Option::None,
                                secret: false,
                                constraints: &[],
                            },
                        ),
                        (
                            __rt::slot(
                                <__rt::Probe<Settings>>::__TASK_SOURCE,
                                __rt::Parameter {
                                    name: "settings",
                                    annotation: "Settings",
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
                |(__0, (__1, (__2, ())))| count(__0.take(), __1.take(), __2.take()),
                <__rt::TaskReturn<i64>>::__task_finish,
                |__generator| {
                    <__rt::TaskReturn<i64>>::__TASK_OUTPUT.__task_schema(__generator)
                },
                <__rt::TaskReturn<i64>>::__TASK_ERROR,
            )
            .validated(
                |(__0, (__1, (__2, ()))), __validation| {
                    {
                        let from: &NaiveDate = __rt::given::<
                            NaiveDate,
                            _,
                        >(<__rt::Probe<NaiveDate>>::__TASK_SOURCE, __0);
                        let to: &i64 = __rt::given::<
                            i64,
                            _,
                        >(<__rt::Probe<i64>>::__TASK_SOURCE, __1);
                        __validation.rule(rules::order(from, *to, MAX_DAYS));
                    }
                },
                &[],
            ),
    });
};
