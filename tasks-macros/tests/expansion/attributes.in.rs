#[cfg(unix)]
#[deprecated]
#[allow(clippy::too_many_arguments)]
#[expect(unused_variables)]
#[doc = "Old."]
#[task(crate = tasks_web)]
fn old(unused: u8) {}
