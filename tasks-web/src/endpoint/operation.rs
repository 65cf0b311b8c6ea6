//! The operation of an endpoint in the OpenAPI document.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Endpoint, Parameter};
use crate::http::Preconditions;
use crate::openapi::{
    PRECONDITION, REPEATED_HEADER, STORAGE_FULL, StatusText, UNKNOWN_PARAMETER, WRITE_HEADERS,
    Writer,
};

/// What an endpoint that takes no body answers to one.
const BODY: [StatusText; 5] = [
    (400, "There is a body, which is not JSON."),
    (408, "The body took too long to arrive."),
    (413, "There is a body, which is too large."),
    (415, "There is a body, which does not say it is JSON."),
    (
        422,
        "There is a body, or a parameter of the query: none is taken.",
    ),
];

impl Endpoint {
    /// Whether a body of its requests is refused.
    pub(super) fn takes_nothing(&self) -> bool {
        self.method != Method::GET && self.body.is_none()
    }

    /// Which preconditions its handler evaluates: those that it names, and those of an answer with an entity tag.
    pub(super) fn preconditions(&self) -> Preconditions {
        let has_tag = self.has_entity_tag();
        let names = |header| self.parameters.iter().any(|it| it.is_header(header));
        Preconditions {
            if_match: has_tag || names("If-Match"),
            if_none_match: has_tag || names("If-None-Match"),
        }
    }

    /// Whether its handler heeds `Idempotency-Key`: where it names that header.
    pub(super) fn heeds_idempotency_key(&self) -> bool {
        let mut parameters = self.parameters.iter();
        parameters.any(|it| it.is_header("Idempotency-Key"))
    }

    fn has_entity_tag(&self) -> bool {
        self.responses.iter().any(|it| it.status() == 304)
    }

    pub(super) fn operation(
        &self,
        tag: &str,
        common: &[StatusText],
        writer: &mut Writer<'_>,
    ) -> Value {
        let mut responses = writer.problems(&self.problems);
        responses.extend(writer.problems(common));
        for response in &self.responses {
            let written = response.write(writer);
            responses.insert(response.status().to_string(), written);
        }
        for implied in self.implied_problems() {
            for (status, problem) in writer.problems(&[implied]) {
                responses.entry(status).or_insert(problem);
            }
        }
        if self.method == Method::GET && !self.page {
            responses
                .entry("304")
                .or_insert_with(|| json!({"description": "`If-None-Match` is `*`."}));
        }
        let mut operation = json!({
            "operationId": self.id, "summary": self.summary, "tags": [tag], "responses": responses,
        });
        if let Some(description) = self.description {
            operation["description"] = json!(description);
        }
        let parameters = self.described_parameters(writer);
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = body.write(writer);
        }
        operation
    }

    fn described_parameters(&self, writer: &mut Writer<'_>) -> Vec<Value> {
        let described = self.parameters.iter().map(Parameter::describe);
        let mut described: Vec<Value> = described.collect();
        described.extend(self.query.iter().map(|parameter| {
            let schema = writer.adapt(parameter.schema());
            parameter.describe(&schema)
        }));
        described
    }

    /// Problems that follow from what it takes. Those that it names itself go before.
    fn implied_problems(&self) -> Vec<StatusText> {
        if self.page {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if self.method != Method::GET {
            problems.push(STORAGE_FULL);
        }
        if self.takes_nothing() {
            problems.extend(BODY);
        } else {
            problems.push(UNKNOWN_PARAMETER);
        }
        if self.takes_nothing() && self.method == Method::POST {
            problems.push((
                403,
                "A page of another site sent it without a body of JSON.",
            ));
        }
        problems.push(PRECONDITION);
        // Last: what is said of a body that is no JSON goes before.
        if self.method != Method::GET {
            problems.push(WRITE_HEADERS);
        }
        problems.push(REPEATED_HEADER);
        problems
    }
}
