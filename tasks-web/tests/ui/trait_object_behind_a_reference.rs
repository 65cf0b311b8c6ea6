//! A reference to a trait object

use tasks_web::prelude::*;

trait Mailer: Send + Sync {
    fn send(&self, to: &str);
}

#[task]
async fn welcome(mailer: &dyn Mailer, to: String) {
    mailer.send(&to);
}

fn main() {}
