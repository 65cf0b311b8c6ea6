//! The requests that are measured.

/// One kind of request.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) request: Vec<u8>,
    /// How many of them are as much work as a thousand small ones.
    pub(super) count: u32,
    /// What the framework may cost at most.
    pub(super) gate: Gate,
}

/// An upper bound, whatever was recorded.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    /// Instructions, as a multiple of those written by hand.
    pub(super) ratio: f64,
    /// Allocations beyond those written by hand.
    pub(super) allocations: f64,
}

/// For bodies so small that the framework's own work shows.
const SMALL: Gate = Gate {
    ratio: 1.10,
    allocations: 4.0,
};

/// For an agent's call, beside the same task over HTTP.
const AGENTS: Gate = Gate {
    ratio: 1.5,
    allocations: 40.0,
};

const LARGE: Gate = Gate {
    ratio: 1.05,
    allocations: 2.0,
};

/// All of them, small ones first.
pub(super) fn all() -> Vec<Case> {
    vec![
        small("greet_user"),
        execute("wide", "20 parameters", "wide", &wide(), 500),
        execute(
            "constraints",
            "10 parameters with constraints",
            "book_room",
            BOOK_ROOM,
            500,
        ),
        execute(
            "text-10k",
            "a string of 10 kB",
            "text_length",
            &format!("{{\"text\":\"{}\"}}", "lorem ipsum ".repeat(853)),
            600,
        ),
        execute(
            "numbers-10k",
            "an array of numbers, 10 kB",
            "sum",
            &numbers(10_000),
            200,
        ),
        execute(
            "numbers-1m",
            "an array of numbers, 1 MB",
            "sum",
            &numbers(1_000_000),
            5,
        ),
        read("list", "the list of all tasks", "/api/v1/tasks"),
        read("info", "one task's metadata", "/api/v1/tasks/greet_user"),
    ]
}

/// The smallest request there is, to a task of the name given.
pub(super) fn small(task: &str) -> Case {
    execute("small", "28 bytes", task, r#"{"name": "Grace"}"#, 1000)
}

/// An agent's call of the task that the smallest request is to, with all that one has to say since 2026-07-28.
pub(super) fn agents_call() -> Case {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet_user","arguments":{"name":"Grace"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\naccept: application/json, text/event-stream\r\n\
         content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: greet_user\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Case {
        name: "agents-call",
        about: "an agent's call, beside `$execute` of the same service",
        request: request.into_bytes(),
        count: 1000,
        gate: AGENTS,
    }
}

const BOOK_ROOM: &str = r##"{"name":"Grace Hopper","room":"hall-12","date":"2026-03-31","kind":"concert","hour":19,"minutes":150,"people":420,"share":0.25,"price":1200.5,"tags":["music","public"]}"##;

fn wide() -> String {
    let texts = [
        "title",
        "author",
        "publisher",
        "language",
        "subject",
        "series",
        "edition",
        "place",
    ];
    let integers = ["year", "pages", "volume", "number"];
    let floats = ["weight", "height", "width", "price"];
    let flags = ["lent", "damaged", "rare", "signed"];
    let member = |value: &'static str| move |name: &str| format!("\"{name}\":{value}");
    let members: Vec<String> = (texts.into_iter().map(member("\"some text\"")))
        .chain(integers.into_iter().map(member("12345")))
        .chain(floats.into_iter().map(member("123.5")))
        .chain(flags.into_iter().map(member("false")))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn numbers(bytes: usize) -> String {
    let mut json = String::from("{\"values\":[0");
    let mut value = 0_u32;
    while json.len() < bytes {
        // Neither all alike nor random: the next run measures the same.
        value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        json.push_str(&format!(",{}.{}", value >> 20, value >> 24 & 0xff));
    }
    json.push_str("]}");
    json
}

fn execute(name: &'static str, about: &'static str, task: &str, params: &str, count: u32) -> Case {
    let body = format!("{{\"params\":{params}}}");
    let request = format!(
        "POST /api/v1/tasks/{task}/$execute HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Case {
        name,
        about,
        request: request.into_bytes(),
        count,
        gate: if body.len() < 1000 { SMALL } else { LARGE },
    }
}

fn read(name: &'static str, about: &'static str, path: &str) -> Case {
    Case {
        name,
        about,
        request: format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes(),
        count: 1000,
        gate: LARGE,
    }
}
