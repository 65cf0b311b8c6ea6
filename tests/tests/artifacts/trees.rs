//! Lists, and trees with levels.

use crate::world::{Service, header, text};
use reqwest::header::{ETAG, IF_NONE_MATCH, LINK};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases;
use tasks_web::artifacts::ArtifactId;
use tasks_web::prelude::*;

async fn lists_are_cheap_and_in_order(test: TestDatabase) {
    let service = Service::start(test).await;
    let heavy = "x".repeat(100_000);
    let saved = service
        .manager
        .save_all((0..105).map(|n| NewArtifact::json(json!({"n": n, "heavy": heavy}))))
        .await
        .unwrap();
    let ids: Vec<String> = saved
        .iter()
        .map(|artifact| artifact.id.to_string())
        .collect();

    let response = service.request(Method::GET, "").send().await.unwrap();
    let link = header(response.headers(), LINK);
    let etag = header(response.headers(), ETAG);
    let first: Vec<Value> = response.json().await.unwrap();
    assert_eq!(first.len(), 100);
    assert!(first.iter().all(|artifact| artifact.get("data").is_none()));
    let next = link
        .strip_prefix("</api/v1/artifacts")
        .unwrap()
        .strip_suffix(">; rel=\"next\"")
        .unwrap();
    let again = service.request(Method::GET, "").header(IF_NONE_MATCH, etag);
    assert_eq!(
        again.send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );

    // One of those that come before goes: the place in the list stays what it is.
    service.manager.delete(saved[99].id).await.unwrap();
    let response = service.request(Method::GET, next).send().await.unwrap();
    assert!(response.headers().get(LINK).is_none());
    let rest: Vec<Value> = response.json().await.unwrap();
    let listed: Vec<String> = first
        .iter()
        .chain(&rest)
        .map(|artifact| text(&artifact["id"]))
        .collect();
    assert_eq!(listed, ids);

    let (_, page) = service.get("?page=11&size=10").await;
    assert_eq!(page["total"], 104);
    assert_eq!(
        (&page["page"], &page["size"], &page["pages"]),
        (&json!(11), &json!(10), &json!(11))
    );
    assert_eq!(page["items"].as_array().unwrap().len(), 4);
    assert_eq!(page["items"][3]["id"], ids[104].as_str());
    let (_, beyond) = service.get("?page=12&size=10").await;
    assert_eq!(beyond["items"], json!([]));
    let (_, most) = service.get("?page=999999999").await;
    assert_eq!(most["items"], json!([]));
}

async fn lists_are_filtered(test: TestDatabase) {
    let service = Service::start(test).await;
    let artifacts = [
        NewArtifact::json(1).tags(["red", "quoted_red"]),
        NewArtifact::json(2).tags(["reddish"]),
        NewArtifact::json(3).metadata(json!({"city": "Köln \"am\" Rhein", "percent": "50%"})),
        NewArtifact::bytes(b"four".as_slice(), "text/plain").file_name("Plan_4.txt"),
    ];
    let saved = service.manager.save_all(artifacts).await.unwrap();
    let number = |id: &Value| {
        let position = saved.iter().position(|one| id == &one.id.to_string());
        position.map_or(0, |position| position + 1)
    };
    let found = async |pairs: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params("http://localhost/", pairs).unwrap();
        let query = format!("?{}", url.query().unwrap());
        let request = service.request(Method::GET, &query);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.unwrap();
        let items = body.get("items").unwrap_or(&body);
        let items = items.as_array().unwrap().iter();
        items.map(|item| number(&item["id"])).collect::<Vec<_>>()
    };
    let none: [usize; 0] = [];
    assert_eq!(found(&[("tag", "red")]).await, [1]);
    assert_eq!(found(&[("tag", "reddish")]).await, [2]);
    assert_eq!(found(&[("tag", "re%")]).await, none);
    assert_eq!(found(&[("tag", "\"red\", \"")]).await, none);
    assert_eq!(found(&[("tag", "Red")]).await, none);
    assert_eq!(found(&[("search", "red")]).await, [1, 2]);
    assert_eq!(found(&[("search", "plan_")]).await, [4]);
    assert_eq!(found(&[("search", "plan%")]).await, none);
    assert_eq!(found(&[("search", "\"am\" rhein")]).await, [3]);
    assert_eq!(found(&[("search", "red"), ("tag", "reddish")]).await, [2]);
    let (_, page) = service.get("?search=red&size=1&page=2").await;
    assert_eq!((&page["total"], &page["pages"]), (&json!(2), &json!(2)));
    assert_eq!(number(&page["items"][0]["id"]), 2);
    for (query, pointer) in [("?search=re", "?search"), ("?tags=red", "?tags")] {
        let (status, problem) = service.get(query).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(found(&[("search", "a\0b")]).await, none);
    assert_eq!(found(&[("tag", "\0")]).await, none);
    let metadata = r#"{"city":"Z\u00fcrich"}"#;
    let request = service
        .request(Method::POST, "")
        .header("content-type", "application/json");
    let request = request.body(format!(r#"{{"data":5,"metadata":{metadata}}}"#));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    let (_, page) = service.get("?search=z%C3%BCrich&page=1").await;
    assert_eq!(page["total"], 1, "{page}");
    // The next part of a list has the filter, too.
    let many = (0..101).map(|number| NewArtifact::json(number).tags(["many"]));
    service.manager.save_all(many).await.unwrap();
    let request = service.request(Method::GET, "?tag=many");
    let response = request.send().await.unwrap();
    let link = header(response.headers(), LINK);
    let link = link.strip_prefix("</api/v1/artifacts").unwrap();
    let next = link.strip_suffix(">; rel=\"next\"").unwrap();
    let (_, rest) = service.get(next).await;
    assert_eq!(rest.as_array().unwrap().len(), 1, "{next}: {rest}");
}

async fn trees_have_levels_with_names(test: TestDatabase) {
    let service = Service::start(test).await;
    let root = service.save(None).await;
    let run = service.save(Some(&root)).await;
    let other = service.save(Some(&root)).await;
    let leaf = service.save(Some(&run)).await;

    let (_, tree) = service.get(&format!("/{root}/$tree")).await;
    assert_eq!(tree["level_label"], "experiment");
    assert_eq!(tree["hierarchy"], "experiments");
    assert!(tree.get("data").is_none());
    let children = tree["children"].as_array().unwrap();
    let ids: Vec<&Value> = children.iter().map(|child| &child["id"]).collect();
    assert_eq!(ids, [&json!(run), &json!(other)]);
    assert_eq!(children[0]["level_label"], "run");
    assert_eq!(children[0]["children"][0]["id"], json!(leaf));
    assert_eq!(children[0]["children"][0]["level_label"], "level_2");
    assert_eq!(children[1]["children"], json!([]));

    let (_, node) = service.get(&format!("/{run}/$expand")).await;
    assert_eq!(
        (&node["children"], &node["data"]),
        (&Value::Null, &json!({}))
    );
    assert_eq!(node["level_label"], "run");

    // To another parent, with all below it; and back to the top.
    let (status, moved) = service
        .json(
            Method::PUT,
            &format!("/{run}"),
            &json!({"data": 1, "parent_id": other}),
        )
        .await;
    assert_eq!((status, &moved["level"]), (StatusCode::OK, &json!(2)));
    assert_eq!(service.level(&leaf).await, 3);
    for (id, parent) in [(&root, &leaf), (&root, &root), (&other, &leaf)] {
        let body = json!({"data": 1, "parent_id": parent});
        let (status, problem) = service.json(Method::PUT, &format!("/{id}"), &body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert_eq!(problem["type"], "urn:tasks:problem:artifact-cycle");
    }
    let (_, top) = service
        .json(
            Method::PUT,
            &format!("/{run}"),
            &json!({"data": 1, "parent_id": null}),
        )
        .await;
    assert_eq!(
        (&top["level"], &top["parent_id"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(service.level(&leaf).await, 1);

    // Children of one that is deleted become roots.
    let below = service.save(Some(&leaf)).await;
    let deleted = service
        .request(Method::DELETE, &format!("/{run}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let (_, orphan) = service.get(&format!("/{leaf}")).await;
    assert_eq!(
        (&orphan["level"], &orphan["parent_id"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(service.level(&below).await, 1);
}

async fn trees_have_a_last_level(test: TestDatabase) {
    let service = Service::start(test).await;
    let mut chain = vec![service.save(None).await];
    for _ in 0..50 {
        let parent = chain.last().unwrap().clone();
        chain.push(service.save(Some(&parent)).await);
    }
    let body = json!({"data": 1, "parent_id": chain[50]});
    let (status, problem) = service.json(Method::POST, "", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&problem["detail"]).contains("level 51"), "{problem}");
    // A subtree that would reach beyond it.
    let root = service.save(None).await;
    let body = json!({"data": 1, "parent_id": root});
    let (status, _) = service
        .json(Method::PUT, &format!("/{}", chain[0]), &body)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(service.level(&chain[50]).await, 50);
    // Readers of JSON can read the deepest one.
    assert_eq!(
        service.get(&format!("/{}/$tree", chain[0])).await.0,
        StatusCode::OK
    );
}

async fn a_tree_of_ten_thousand(test: TestDatabase) {
    let service = Service::start(test).await;
    let root = service
        .manager
        .save(NewArtifact::json("root"))
        .await
        .unwrap();
    let branches = service
        .manager
        .save_all((0..100).map(|n| NewArtifact::json(n).parent(root.id)))
        .await
        .unwrap();
    for branch in branches.chunks(10) {
        let leaves = branch
            .iter()
            .flat_map(|branch| (0..99).map(|n| NewArtifact::json(n).parent(branch.id)));
        service.manager.save_all(leaves).await.unwrap();
    }
    let (status, tree) = service.get(&format!("/{}/$tree", root.id)).await;
    assert_eq!(status, StatusCode::OK);
    let count: usize = tree["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| 1 + branch["children"].as_array().unwrap().len())
        .sum();
    assert_eq!(count, 10_000);
    assert!(service.manager.delete(root.id).await.unwrap());
    let (_, branch) = service.get(&format!("/{}/$tree", branches[7].id)).await;
    assert_eq!(branch["level"], 0);
    assert_eq!(branch["children"][98]["level"], 1);
}

/// Saved together: each below the one before it, in their order, and all of them or none.
async fn several_are_saved_together(test: TestDatabase) {
    let service = Service::start(test).await;
    let manager = &service.manager;
    let root = manager.save(NewArtifact::json("root")).await.unwrap();
    let ids: Vec<ArtifactId> = (0..5).map(|_| ArtifactId::new()).collect();
    let new = |id: ArtifactId, parent: Option<ArtifactId>| {
        NewArtifact::json(json!({"of": id})).id(id).parent(parent)
    };
    let chain = (0..5).map(|n| new(ids[n], Some(if n == 0 { root.id } else { ids[n - 1] })));
    let saved = manager.save_all(chain).await.unwrap();
    let levels: Vec<u32> = saved.iter().map(|artifact| artifact.level).collect();
    assert_eq!(levels, [1, 2, 3, 4, 5]);
    for artifact in &saved {
        assert_eq!(
            manager.find(artifact.id).await.unwrap().as_ref(),
            Some(artifact)
        );
    }
    let (_, list) = service.get("?page=1&size=10").await;
    let listed: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["id"])
        .collect();
    let expected: Vec<Value> = std::iter::once(root.id)
        .chain(ids.iter().copied())
        .map(|id| json!(id))
        .collect();
    assert_eq!(listed, expected.iter().collect::<Vec<_>>());

    let before = manager.count().await.unwrap();
    let (free, other) = (ArtifactId::new(), ArtifactId::new());
    for (wrong, words) in [
        (
            vec![new(free, None), new(ids[2], None), new(other, None)],
            format!("{}", ids[2]),
        ),
        (
            vec![new(free, None), new(free, Some(root.id))],
            format!("{free}"),
        ),
        (
            vec![new(free, Some(other)), new(other, None)],
            format!("{other}"),
        ),
    ] {
        let error = manager.save_all(wrong).await.unwrap_err().to_string();
        assert!(error.contains(&words), "{error}");
        assert_eq!(manager.count().await.unwrap(), before);
    }
    assert!(
        manager
            .save_all(Vec::<NewArtifact>::new())
            .await
            .unwrap()
            .is_empty()
    );
}

on_all_databases!(
    lists_are_cheap_and_in_order,
    lists_are_filtered,
    several_are_saved_together,
    trees_have_levels_with_names,
    trees_have_a_last_level,
    a_tree_of_ten_thousand,
);
