//! Where the instructions of one request go: a flame graph, and the share of each layer.
//!
//! Callgrind counts them with the whole way to each function. What the server does before and after is taken away by
//! subtracting a run with fewer requests.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::client::Connection;
use super::layers::{LAYERS, Node, layer};
use super::options::Options;
use super::server;
use super::{cases, report, svg};
use crate::process::{root, target_dir};

const PICTURE: &str = "docs/book/src/explanation/request.svg";

const REQUESTS: u32 = 500;

pub(super) fn run(options: &Options) -> Result<()> {
    server::build()?;
    let few = profile(50)?;
    let many = profile(50 + REQUESTS)?;
    let mut tree = Node::default();
    let mut layers = [0.0; LAYERS.len()];
    for (stack, count) in &many {
        let own = count.saturating_sub(few.get(stack).copied().unwrap_or_default());
        let own = own as f64 / f64::from(REQUESTS);
        let frames = frames(stack);
        // What the standard library does, it does for somebody.
        let named = frames.iter().rev().map(|frame| layer(frame));
        let owner = named.min_by_key(|layer| usize::from(*layer == LAYERS.len() - 1));
        layers[owner.unwrap_or(LAYERS.len() - 1)] += own;
        tree.add(&frames, own);
    }
    let mut table = String::from("| layer | instructions | share |\n| --- | ---: | ---: |\n");
    for ((name, _), own) in LAYERS.iter().zip(layers) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {name} | {own:.0} | {:.0} % |",
            own * 100.0 / tree.total
        );
    }
    let _ = writeln!(table, "| all | {:.0} | |", tree.total);
    if options.write {
        fs::write(root().join(PICTURE), svg::draw(&tree))
            .with_context(|| format!("cannot write {PICTURE}"))?;
    }
    report::publish("flame", &table, "flame", options.write)
}

/// The instructions of each function, by the way to it.
fn profile(requests: u32) -> Result<HashMap<String, u64>> {
    let file = target_dir().join(format!("bench-http/flame-{requests}.out"));
    let valgrind = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--separate-callers=100".to_owned(),
        format!("--callgrind-out-file={}", file.display()),
    ];
    let server = server::service(&valgrind, server::TASKS)?;
    let mut connection = Connection::open(server.address)?;
    let case = cases::small("greet_user");
    for _ in 0..requests {
        connection.ask(&case.request)?;
    }
    drop(connection);
    server.stop()?;
    read(&file)
}

fn read(file: &Path) -> Result<HashMap<String, u64>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(parse(&text))
}

/// Reads the format of callgrind: blocks of `fn=`, with lines of costs that are the function's own unless they follow
/// `calls=`. A name is written out once and has a number from then on.
fn parse(text: &str) -> HashMap<String, u64> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut costs: HashMap<String, u64> = HashMap::new();
    let mut current = "";
    let mut call = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")) {
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if !name.is_empty() {
                names.insert(number, name);
            }
            if line.starts_with("fn=") {
                current = number;
            }
        } else if line.starts_with("calls=") {
            call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line
                .split(' ')
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            if let (false, Some(cost), Some(name)) = (call, cost, names.get(current)) {
                *costs.entry((*name).to_owned()).or_default() += cost;
            }
            call = false;
        }
    }
    costs
}

/// From the outermost to the innermost, beginning where actix takes a request up.
fn frames(stack: &str) -> Vec<String> {
    const BEGIN: &str = "h1::dispatcher::Dispatcher";
    let mut frames: Vec<&str> = stack
        .split('\'')
        .filter(|frame| !frame.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    frames.reverse();
    match frames.iter().position(|frame| frame.contains(BEGIN)) {
        Some(begin) => frames[begin..].iter().map(|frame| short(frame)).collect(),
        None => {
            let leaf = frames.last().map(|frame| short(frame));
            ["the runtime around it".to_owned()]
                .into_iter()
                .chain(leaf)
                .collect()
        }
    }
}

/// The path without type parameters; of `<Type as Trait>::method` the type and the method.
fn short(name: &str) -> String {
    let (own, rest) = match name
        .strip_prefix('<')
        .and_then(|name| name.split_once(" as "))
    {
        Some((own, rest)) => (own, rest.rsplit(">::").next().unwrap_or_default()),
        None => (name.trim_start_matches('<'), ""),
    };
    let mut text = String::new();
    let mut depth = 0_u32;
    for character in own.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            character if depth == 0 => text.push(character),
            _ => {}
        }
    }
    if !rest.is_empty() {
        text.push_str("::");
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{layer, parse, short};

    #[test]
    fn own_costs_are_told_from_those_of_callees() {
        let text = "events: Ir\n\nfn=(1) b'a\n3 10\ncfn=(2) c'b'a\ncalls=1 5\n4 1000\n+1 5\n\nfn=(2)\n5 1000\n";
        let costs = parse(text);
        assert_eq!(costs["b'a"], 15);
        assert_eq!(costs["c'b'a"], 1000);
    }

    #[test]
    fn names_are_shortened_and_known() {
        let name = short(
            "<tasks_web::tasks::scope::TaskScope as actix_web::Factory<A, B>>::register::{{closure}}",
        );
        assert_eq!(
            name,
            "tasks_web::tasks::scope::TaskScope::register::{{closure}}"
        );
        assert_eq!(short("alloc::vec::Vec<T,A>::push"), "alloc::vec::Vec::push");
        assert_eq!(layer(&name), 1);
        assert_eq!(layer("malloc"), 5);
    }
}
