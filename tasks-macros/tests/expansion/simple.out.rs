/// Greets somebody.
pub async fn greet_user(name: String) -> String {
    format!("Hello, {name}!")
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "greet_user",
        description: ::core::option::Option::Some("Greets somebody."),
        signature: "(name: String) -> String",
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
            greet_user,
            (
                __rt::slot(
                    <__rt::Probe<String>>::__TASK_SOURCE,
                    __rt::Parameter {
                        name: "name",
                        annotation: "String",
                        description: ::core::option::Option::None,
                        default: ::core::option::Option::None,
                        secret: false,
                        constraints: &[],
                    },
                ),
                (),
            ),
            |(__0, ())| greet_user(__0.take()),
            <__rt::TaskReturn<String>>::__task_finish,
            |__generator| {
                <__rt::TaskReturn<String>>::__TASK_OUTPUT.__task_schema(__generator)
            },
            <__rt::TaskReturn<String>>::__TASK_ERROR,
        ),
    });
};
