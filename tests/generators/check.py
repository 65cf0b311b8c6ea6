"""Imports every module of generated clients, and makes a call with one: `check.py FOLDER URL`."""

import importlib
import pathlib
import pkgutil
import sys

folder, url = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(folder))
for package in sorted(path.name for path in folder.iterdir() if (path / "client.py").exists()):
    module = importlib.import_module(package)
    names = [found.name for found in pkgutil.walk_packages(module.__path__, f"{package}.")]
    for name in names:
        importlib.import_module(name)
    print(package, len(names))

for package in ("task_execution", "task_execution_3_0"):
    client = importlib.import_module(package).Client(base_url=url)
    add = importlib.import_module(f"{package}.api.math.execute_add")
    models = importlib.import_module(f"{package}.models")
    body = models.ExecuteAddBody.from_dict({"params": {"a": 1, "b": 2}})
    answer = add.sync_detailed(client=client, body=body)
    assert answer.status_code == 200, answer
    assert answer.parsed.to_dict()["result"] == {"result": 3}, answer.parsed
    wrong = add.sync_detailed(client=client, body=models.ExecuteAddBody.from_dict({"params": {"a": 1, "b": "x"}}))
    assert wrong.status_code == 422, wrong
    assert wrong.parsed.errors[0].pointer == "/params/b", wrong.parsed
