"""How many durable workflows DBOS does in a second on a PostgreSQL: `workflows.py <database url> [count]`.

Prints three numbers: workflows that do nothing, workflows of three steps, and those from a queue. Workflows are started side by side, as DBOS does it, and their results are waited for.
"""

import sys
import time

from dbos import DBOS


def main() -> None:
    url = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    def step(number: int) -> int:
        return number

    @DBOS.workflow()
    def nothing(number: int) -> int:
        return number

    @DBOS.workflow()
    def three_steps(number: int) -> int:
        for _ in range(3):
            step(number)
        return number

    DBOS.launch()
    DBOS.register_queue("bench", polling_interval_sec=0.1)

    def rate(start) -> float:
        began = time.monotonic()
        handles = [start(number) for number in range(count)]
        for handle in handles:
            handle.get_result()
        return count / (time.monotonic() - began)

    rate(lambda number: DBOS.start_workflow(nothing, number))
    print(rate(lambda number: DBOS.start_workflow(nothing, number)))
    print(rate(lambda number: DBOS.start_workflow(three_steps, number)))
    print(rate(lambda number: DBOS.enqueue_workflow("bench", three_steps, number)))
    DBOS.destroy()


main()
