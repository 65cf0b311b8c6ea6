fn make_report(month: u8) -> Result<Report, ReportError> {
    build(month)
}
#[doc(hidden)]
const _: () = {
    use tasks_web::__private::scope::*;
    __rt::inventory::submit(__rt::TaskDescriptor {
        name: "report",
        description: ::core::option::Option::None,
        signature: "(month: u8) -> Result<Report, ReportError>",
        tags: &["finance", "slow"],
        timeout: ::core::option::Option::Some(::core::time::Duration::new(90u64, 0u32)),
        job: __rt::JobPolicy::DEFAULT
            .retries(5u32)
            .backoff(
                __rt::Backoff::exponential(::core::time::Duration::new(1u64, 0u32))
                    .max(::core::time::Duration::new(300u64, 0u32)),
            )
            .queue("reports")
            .priority(-5i32)
            .max_concurrency(2u32)
            .global_concurrency(3u32)
            .concurrency_key("/month")
            .concurrency_per_key(4u32)
            .rate(__rt::Rate::new(100u32, ::core::time::Duration::new(60u64, 0u32)))
            .rate_per_key(__rt::Rate::new(5u32, ::core::time::Duration::new(1u64, 0u32)))
            .unique()
            .crash_limit(1u32)
            .version(2u32)
            .fail_old_versions(),
        tool: __rt::ToolPolicy::DEFAULT,
        module: ::core::module_path!(),
        file: ::core::file!(),
        line: ::core::line!(),
        discover: false,
        error_codes: &[__rt::codes::<BuildError>(), __rt::codes::<other::Error<u8>>()],
        events: &[
            __rt::EventType::of::<bool>("approval"),
            __rt::EventType::of::<Vec<Look>>("second look"),
        ],
        shim: &__rt::blocking(
            make_report,
            (
                __rt::slot(
                    <__rt::Probe<u8>>::__TASK_SOURCE,
                    __rt::Parameter {
                        name: "month",
                        annotation: "u8",
                        description: ::core::option::Option::None,
                        default: ::core::option::Option::None,
                        secret: false,
                        constraints: &[],
                    },
                ),
                (),
            ),
            |(__0, ())| make_report(__0.take()),
            <__rt::TaskReturn<Result<Report, ReportError>>>::__task_finish,
            |__generator| {
                <__rt::TaskReturn<Result<Report, ReportError>>>::__TASK_OUTPUT
                    .__task_schema(__generator)
            },
            <__rt::TaskReturn<Result<Report, ReportError>>>::__TASK_ERROR,
        ),
    });
};
