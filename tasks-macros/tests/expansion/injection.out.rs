async fn count(
    context: TaskContext,
    session: &Session,
    clock: Clock,
    since: Since,
) -> anyhow::Result<i64> {
    session.count(clock.now(), since).await
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "count",
        description: ::core::option::Option::None,
        signature: "(context: TaskContext, session: &Session, clock: Clock, since: Since) -> anyhow::Result<i64>",
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
            count,
            (
                __rt::slot(
                    <__rt::Probe<TaskContext>>::__TASK_SOURCE,
                    __rt::Parameter {
                        name: "context",
                        annotation: "TaskContext",
                        description: ::core::option::Option::None,
                        default: ::core::option::Option::None,
                        secret: false,
                        constraints: &[],
                    },
                ),
                (
                    __rt::slot(
                        <__rt::Probe<Session>>::__TASK_SOURCE,
                        __rt::Parameter {
                            name: "session",
                            annotation: "&Session",
                            description: ::core::option::Option::None,
                            default: ::core::option::Option::None,
                            secret: false,
                            constraints: &[],
                        },
                    ),
                    (
                        __rt::slot(
                            <__rt::Injected<Clock>>::FORCED,
                            __rt::Parameter {
                                name: "clock",
                                annotation: "Clock",
                                description: ::core::option::Option::None,
                                default: ::core::option::Option::None,
                                secret: false,
                                constraints: &[],
                            },
                        ),
                        (
                            __rt::slot(
                                <__rt::Requested<Since>>::FORCED,
                                __rt::Parameter {
                                    name: "since",
                                    annotation: "Since",
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
                async move { count(__0, &__1, __2, __3).await }
            },
            <__rt::TaskReturn<anyhow::Result<i64>>>::__task_finish,
            |__generator| {
                <__rt::TaskReturn<anyhow::Result<i64>>>::__TASK_OUTPUT
                    .__task_schema(__generator)
            },
            <__rt::TaskReturn<anyhow::Result<i64>>>::__TASK_ERROR,
        ),
    });
};
