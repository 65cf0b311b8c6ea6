//! The codes of failures that are not errors of a task's own.

macro_rules! framework_codes {
    ($($(#[$attribute:meta])* $name:ident = $code:literal, $status:literal, $meaning:literal;)*) => {
        /// What failed, where it was not an error that the task returned.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(
            not(feature = "database"),
            allow(dead_code, reason = "some are of jobs alone")
        )]
        pub(crate) enum FrameworkCode {
            $($(#[$attribute])* $name,)*
        }

        impl FrameworkCode {
            /// All codes and what they mean.
            pub(crate) const ALL: &'static [(&'static str, &'static str)] = &[$(($code, $meaning)),*];

            /// Whether a code is one of these.
            pub(crate) const fn names(code: &str) -> bool {
                $(if is_same(code, $code) {
                    return true;
                })*
                false
            }

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Its HTTP status, where failures have one.
            pub(crate) const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }
        }
    };
}

framework_codes! {
    Panic = "panic", 500, "The task panicked.";
    Timeout = "timeout", 504, "The task took longer than its timeout.";
    NotFinite = "not-finite", 500, "The result has a number that JSON does not have: NaN or an infinity.";
    NotSerializable = "not-serializable", 500, "The result cannot be written as JSON.";
    Internal = "internal", 500, "Something of the framework's failed while the task ran.";
    NotRun = "not-run", 500, "An attempt of a job did not begin: its parameters do not fit the task any more, or a dependency of the task is not available.";
    ResultTooLarge = "result-too-large", 500, "The result of a job is larger than `Jobs::max_result_size`.";
    ResultNotStored = "result-not-stored", 500, "The database does not take the result of a job.";
    OldTaskVersion = "old-task-version", 500, "The steps of a job are of an older version of its task, which has `old_versions = \"fail\"`.";
    Crash = "crash", 500, "The process died while the job ran, too often.";
    Lost = "lost", 500, "The job was a closure, and the process that ran it ended.";
    Damaged = "damaged", 500, "The result that is stored cannot be read.";
}

/// Texts cannot be compared in constants otherwise.
pub(super) const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}
