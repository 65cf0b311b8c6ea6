//! Trees.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::artifacts::id::ArtifactId;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Artifact, ArtifactHierarchy};

/// An artifact in its tree.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArtifactNode {
    /// The artifact.
    pub artifact: Artifact,
    /// What its level is called.
    pub level_label: String,
    /// The name of the hierarchy.
    pub hierarchy: String,
    /// Children, oldest first; `None` when they were not asked for.
    pub children: Option<Vec<Self>>,
}

impl ArtifactNode {
    pub(super) fn new(artifact: Artifact, hierarchy: &ArtifactHierarchy) -> Self {
        Self {
            level_label: hierarchy.label(artifact.level).into_owned(),
            hierarchy: hierarchy.name().to_owned(),
            artifact,
            children: None,
        }
    }

    /// Puts a subtree together: `artifacts` are all of it, each after its parent, the root first.
    pub(super) fn assemble(
        artifacts: Vec<Artifact>,
        hierarchy: &ArtifactHierarchy,
    ) -> Option<Self> {
        let mut children: HashMap<ArtifactId, Vec<Self>> = HashMap::new();
        let mut artifacts = artifacts.into_iter();
        let root = artifacts.next()?;
        // From the last: the children of each are whole before it is given to its parent.
        let whole = |artifact: Artifact, children: &mut HashMap<ArtifactId, Vec<Self>>| {
            let mut own = children.remove(&artifact.id).unwrap_or_default();
            own.reverse();
            Self {
                children: Some(own),
                ..Self::new(artifact, hierarchy)
            }
        };
        for artifact in artifacts.rev() {
            let Some(parent) = artifact.parent_id else {
                continue;
            };
            let node = whole(artifact, &mut children);
            children.entry(parent).or_default().push(node);
        }
        Some(whole(root, &mut children))
    }

    /// Writes it as the JSON object that clients get, with the `data` of the artifacts or without.
    pub fn write_json(&self, out: &mut Vec<u8>, data: bool) {
        self.artifact.write_json(out, data, |out| {
            for (name, value) in [
                ("level_label", &self.level_label),
                ("hierarchy", &self.hierarchy),
            ] {
                out.extend_from_slice(format!(",\"{name}\":").as_bytes());
                // A string: this cannot fail.
                out.extend_from_slice(&serde_json::to_vec(value).unwrap_or_default());
            }
            out.extend_from_slice(b",\"children\":");
            let Some(children) = &self.children else {
                out.extend_from_slice(b"null");
                return;
            };
            out.push(b'[');
            for (index, child) in children.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                child.write_json(out, data);
            }
            out.push(b']');
        });
    }
}

/// As clients get it, with the data where it is there.
impl Serialize for ArtifactNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = Vec::new();
        self.write_json(&mut json, true);
        let value: Value = serde_json::from_slice(&json).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl JsonSchema for ArtifactNode {
    fn schema_name() -> Cow<'static, str> {
        "ArtifactNode".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::ArtifactNode").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Artifact::json_schema(generator);
        let children = generator.subschema_for::<Option<Vec<Self>>>();
        let more = [
            (
                "level_label",
                schemars::json_schema!({"type": "string", "description": "What the level is called."}),
            ),
            (
                "hierarchy",
                schemars::json_schema!({"type": "string", "description": "The name of the hierarchy."}),
            ),
            ("children", children),
        ];
        let object = schema.ensure_object();
        for (name, property) in more {
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.insert(name.to_owned(), property.into());
            }
            if let Some(Value::Array(required)) = object.get_mut("required")
                && name != "data"
            {
                required.push(name.into());
            }
        }
        // A tree leaves the data out.
        if let Some(Value::Array(required)) = object.get_mut("required") {
            required.retain(|name| name != "data");
        }
        schema
    }
}
