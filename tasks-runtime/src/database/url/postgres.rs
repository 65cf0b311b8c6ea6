//! URLs of PostgreSQL, as libpq has them: several hosts, and parameters.

use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::database::DatabaseError;

/// What tokio-postgres takes itself, under the same name.
const DRIVER: [&str; 16] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "tcp_user_timeout",
    "user",
];
/// What is read here, in part for others.
const READ_HERE: [&str; 8] = [
    "client_encoding",
    "keepalives_count",
    "pgbouncer",
    "prepared_statements",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "fallback_application_name",
];
/// What nobody may see.
const SECRET: [&str; 3] = ["password", "sslpassword", "passfile"];

const LOOKS_LIKE: &str = "`postgres://user:password@host:5432/database`";

/// A URL that was understood: what the driver is to be told, and what is ours.
#[derive(Clone)]
pub(in crate::database) struct PostgresUrl {
    /// Names and values, decoded; each name once.
    parameters: Vec<(String, String)>,
    masked: String,
}

impl PostgresUrl {
    /// Reads `postgres://[user[:password]@][host[:port]][,…][/database][?name=value&…]`.
    ///
    /// Nothing of the text is in an error but names of parameters that look like such: it may have a password in any place.
    pub(in crate::database) fn parse(text: &str) -> Result<Self, DatabaseError> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("it has no `//` after its `:`"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut url = Self {
            parameters: Vec::new(),
            masked: String::new(),
        };
        let user = login.map(|login| match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        });
        if let Some((user, password)) = user {
            if !user.is_empty() {
                url.set("user", decode(user, "user")?);
            }
            if let Some(password) = password {
                url.set("password", decode(password, "password")?);
            }
        }
        url.read_hosts(hosts, login.is_none() && rest.contains('@'))?;
        let database = path.strip_prefix('/').unwrap_or(path);
        if !database.is_empty() {
            url.set("dbname", decode(database, "name of the database")?);
        }
        let query = query.unwrap_or_default();
        url.read_query(query)?;
        if url.get("host").is_none() && url.get("hostaddr").is_none() {
            return Err(wrong(
                "it names no host: `?host=/run/postgresql` is a socket of this computer",
            ));
        }
        url.masked = mask(scheme, user, hosts, path, query);
        Ok(url)
    }

    /// `[::1]:5432,other`. A port that is none may be the rest of a password.
    fn read_hosts(&mut self, hosts: &str, at_follows: bool) -> Result<(), DatabaseError> {
        if hosts.is_empty() {
            return Ok(());
        }
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let bracketed = host.strip_prefix('[').and_then(|host| host.split_once(']'));
            let (name, port) = match (bracketed, host.rsplit_once(':')) {
                (Some((name, rest)), _) => (name, rest.strip_prefix(':')),
                (None, Some((name, port))) => (name, Some(port)),
                (None, None) => (host, None),
            };
            let port = port.filter(|port| !port.is_empty()).unwrap_or("5432");
            if port.parse::<u16>().is_err() {
                return Err(wrong(if at_follows {
                    "the part before its `@` has a `/`, `?` or `#` in it: write these as `%2F`, `%3F` and `%23` in a password"
                } else {
                    "its port is no number up to 65535"
                }));
            }
            names.push(decode(name, "host")?);
            ports.push(port);
        }
        self.set("host", names.join(","));
        self.set("port", ports.join(","));
        Ok(())
    }

    fn read_query(&mut self, query: &str) -> Result<(), DatabaseError> {
        let mut unknown = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = match decode(name, "parameters")?.as_str() {
                "ssl" if value == "true" => {
                    self.set("sslmode", "require".to_owned());
                    continue;
                }
                name if DRIVER.contains(&name) || READ_HERE.contains(&name) => name.to_owned(),
                name => {
                    unknown.push(shown(name));
                    continue;
                }
            };
            let value = decode(value, "parameters")?;
            if value.is_empty() {
                return Err(wrong(&format!("its `{name}` has no value")));
            }
            self.set(&name, value);
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let mut known: Vec<&str> = DRIVER.iter().chain(&READ_HERE).copied().collect();
        known.sort_unstable();
        Err(wrong(&format!(
            "there is no parameter {}: there are `{}`",
            unknown.join(", "),
            known.join("`, `")
        )))
    }

    fn set(&mut self, name: &str, value: String) {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value));
    }

    /// The value of a parameter.
    pub(in crate::database) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// For people.
    pub(in crate::database) fn masked(&self) -> &str {
        &self.masked
    }

    /// How many hosts are tried in turn.
    pub(in crate::database) fn hosts(&self) -> usize {
        let hosts = self.get("host").or_else(|| self.get("hostaddr"));
        hosts.unwrap_or_default().split(',').count()
    }

    /// The same for each of the hosts alone; none when there is only one.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "there is no driver")
    )]
    pub(in crate::database) fn each_host(&self) -> Vec<Self> {
        const LISTS: [&str; 3] = ["host", "hostaddr", "port"];
        let count = self.hosts();
        if count < 2 {
            return Vec::new();
        }
        let alone = |index: usize| {
            let mut url = self.clone();
            for (name, value) in &mut url.parameters {
                let mut values = value.split(',');
                // One port is that of all hosts.
                if LISTS.contains(&name.as_str())
                    && let Some(own) = values.nth(if value.contains(',') { index } else { 0 })
                {
                    *value = own.to_owned();
                }
            }
            url
        };
        (0..count).map(alone).collect()
    }

    /// How long each of the hosts has to let a connection in.
    pub(in crate::database) fn connect_timeout(&self) -> Option<Duration> {
        let seconds = self.get("connect_timeout")?.parse().ok()?;
        // libpq's word for no limit.
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// What the driver is told, in its other spelling: `name='value' …`. Encryption is not in it.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "there is no driver")
    )]
    pub(in crate::database) fn for_driver(&self) -> Result<String, DatabaseError> {
        let mut text = String::new();
        let mut tell = |name: &str, value: &str| {
            let value = value.replace('\\', r"\\").replace('\'', r"\'");
            // Writing to a string cannot fail.
            let _ = write!(text, "{name}='{value}' ");
        };
        for (name, value) in &self.parameters {
            match name.as_str() {
                "target_session_attrs" => {
                    let value = match value.as_str() {
                        "primary" => "read-write",
                        "standby" => "read-only",
                        value => value,
                    };
                    tell(name, value);
                }
                "keepalives_count" => tell("keepalives_retries", value),
                "fallback_application_name" if self.get("application_name").is_none() => {
                    tell("application_name", value);
                }
                "client_encoding"
                    if !["utf8", "utf-8", "auto"].contains(&value.to_lowercase().as_str()) =>
                {
                    return Err(wrong(
                        "its `client_encoding` is not `UTF8`: there is no other one",
                    ));
                }
                name if DRIVER.contains(&name) => tell(name, value),
                _ => {}
            }
        }
        Ok(text)
    }
}

/// An error that names the parameter of a URL whose value is of no use, and shows nothing else.
pub(in crate::database) fn wrong(what: &str) -> DatabaseError {
    DatabaseError::Configuration(format!(
        "the PostgreSQL URL cannot be used: {what}; it looks like {LOOKS_LIKE}"
    ))
}

fn decode(text: &str, what: &str) -> Result<String, DatabaseError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(wrong(&format!("its {what} is not UTF-8 without zeros"))),
    }
}

/// A name that is unknown, unless it may be part of something else.
fn shown(name: &str) -> String {
    let harmless = name.len() <= 40
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b));
    if harmless {
        format!("`{name}`")
    } else {
        "of a name that does not look like one".to_owned()
    }
}

/// The URL with `***` in place of passwords.
fn mask(
    scheme: &str,
    user: Option<(&str, Option<&str>)>,
    hosts: &str,
    path: &str,
    query: &str,
) -> String {
    let mut masked = format!("{scheme}://");
    if let Some((user, password)) = user {
        masked.push_str(user);
        masked.push_str(if password.is_some() { ":***@" } else { "@" });
    }
    masked.push_str(hosts);
    masked.push_str(path);
    let pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            let decoded = percent_decode_str(name).decode_utf8_lossy();
            if SECRET.contains(&decoded.as_ref()) {
                format!("{name}=***")
            } else {
                pair.to_owned()
            }
        })
        .collect();
    if !pairs.is_empty() {
        masked.push('?');
        masked.push_str(&pairs.join("&"));
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        let url = PostgresUrl::parse(url).expect("a URL");
        url.for_driver()
            .expect("for the driver")
            .trim_end()
            .to_owned()
    }

    fn refused(url: &str) -> String {
        let url = PostgresUrl::parse(url).and_then(|url| url.for_driver());
        url.expect_err("refused").to_string()
    }

    #[test]
    fn the_driver_is_told_what_the_url_says() {
        for (url, expected) in [
            (
                "postgres://ada:s%27cr%5Ct@db/app",
                r"user='ada' password='s\'cr\\t' host='db' port='5432' dbname='app'",
            ),
            (
                "postgresql://one:1111,[::1]:2222,three/app?target_session_attrs=primary&connect_timeout=3",
                "host='one,::1,three' port='1111,2222,5432' dbname='app' target_session_attrs='read-write' connect_timeout='3'",
            ),
            (
                "postgres:///app?host=/run/postgresql&user=ada&sslmode=require&pgbouncer=true",
                "dbname='app' host='/run/postgresql' user='ada'",
            ),
            (
                "postgres://%2Frun%2Fpostgresql/app?options=-c%20search_path%3Dmine&application_name=a+b",
                "host='/run/postgresql' port='5432' dbname='app' options='-c search_path=mine' application_name='a+b'",
            ),
            (
                "postgres://db/app?fallback_application_name=f&keepalives_count=3&client_encoding=UTF8",
                "host='db' port='5432' dbname='app' application_name='f' keepalives_retries='3'",
            ),
        ] {
            assert_eq!(told(url), expected, "{url}");
        }
    }

    #[test]
    fn each_of_several_hosts_can_be_told_alone() {
        let each = |url: &str| -> Vec<String> {
            let url = PostgresUrl::parse(url).expect("a URL");
            let each = url.each_host();
            let told = each.iter().map(|url| url.for_driver().expect("told"));
            told.map(|told| told.trim_end().to_owned()).collect()
        };
        assert!(each("postgres://one/app").is_empty());
        assert_eq!(
            each("postgres://one:1111,two/app?target_session_attrs=read-write"),
            [
                "host='one' port='1111' dbname='app' target_session_attrs='read-write'",
                "host='two' port='5432' dbname='app' target_session_attrs='read-write'",
            ]
        );
        assert_eq!(
            each("postgres:///app?host=one,two&port=1111"),
            [
                "dbname='app' host='one' port='1111'",
                "dbname='app' host='two' port='1111'"
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        let message = refused("postgres://ada:s3cret@db/app?schema=public&pool=5");
        assert!(message.contains("`schema`, `pool`"), "{message}");
        assert!(message.contains("`connect_timeout`, `dbname`"), "{message}");
        for (url, expected) in [
            ("postgres:ada:s3cret@db/app", "no `//`"),
            ("postgres://ada:s3cret/x@db/app", "`%2F`"),
            ("postgres://ada:s3cret?x@db/app", "`%3F`"),
            ("postgres://ada:s3cret@db:port/app", "its port"),
            ("postgres://ada:s3cret@/app", "names no host"),
            (
                "postgres://ada:s3cret%FF@db/app",
                "its password is not UTF-8",
            ),
            (
                "postgres://db/app?password=s3cret&s3cret@x=1",
                "does not look like one",
            ),
            (
                "postgres://db/app?password=s3cret&connect_timeout=",
                "`connect_timeout` has no value",
            ),
            ("postgres://db/app?client_encoding=latin1", "`UTF8`"),
        ] {
            let message = refused(url);
            assert!(message.contains(expected), "{url}: {message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            (
                "postgres://ada:s3cret@db.example/app",
                "postgres://ada:***@db.example/app",
            ),
            (
                "postgres://ada:s3@cret@db.example/app",
                "postgres://ada:***@db.example/app",
            ),
            (
                "postgresql://ada@one,two:1/app?password=s3cret&application_name=x",
                "postgresql://ada@one,two:1/app?password=***&application_name=x",
            ),
            (
                "postgres://ada@db.example/app",
                "postgres://ada@db.example/app",
            ),
            (
                "postgres:///app?host=/run/postgresql&user=ada",
                "postgres:///app?host=/run/postgresql&user=ada",
            ),
        ] {
            let url = PostgresUrl::parse(url).expect("a URL");
            assert_eq!(url.masked(), shown);
        }
    }
}
