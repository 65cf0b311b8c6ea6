#[cfg(unix)]
#[deprecated]
#[allow(clippy::too_many_arguments)]
#[expect(unused_variables)]
///Old.
fn old(unused: u8) {
    #[cfg(unix)]
    #[allow(clippy::too_many_arguments)]
    #[allow(unused_variables)]
    #[doc(hidden)]
    const _: () = {
        use tasks_web::__private::scope::*;
        __rt::inventory::submit(__rt::TaskDescriptor {
            name: "old",
            description: ::core::option::Option::Some("Old."),
            signature: "(unused: u8) -> ()",
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
                old,
                (
                    __rt::slot(
                        <__rt::Probe<u8>>::__TASK_SOURCE,
                        __rt::Parameter {
                            name: "unused",
                            annotation: "u8",
                            description: ::core::option::Option::None,
                            default: ::core::option::Option::None,
                            secret: false,
                            constraints: &[],
                        },
                    ),
                    (),
                ),
                |(__0, ())| old(__0.take()),
                <__rt::TaskReturn<()>>::__task_finish,
                |__generator| {
                    <__rt::TaskReturn<()>>::__TASK_OUTPUT.__task_schema(__generator)
                },
                <__rt::TaskReturn<()>>::__TASK_ERROR,
            ),
        });
    };
    {}
}
