"""python -m tests.chaos: rounds of load and faults; then every answered hit is stored, and once.

On SQLite, or on the server that TEST_DATABASE_URL names; ``private`` starts a PostgreSQL for this
alone, which then fails as a whole too.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.cluster import Cluster, private_cluster
from tests.chaos.faults import Scene
from tests.chaos.load import TracedLoad
from tests.server import Installation, installation
from tests.test_flow import is_spool_empty, new_campaign, wait_until

# Run by the product's own shell: the agent of every stored open of a round.
STORED = """
import json
from tracker.models import Open, UserAgent
texts = dict(UserAgent.objects.filter(text__startswith="{name}-").values_list("pk", "text"))
ids = Open.objects.filter(user_agent__text__startswith="{name}-")
print(json.dumps([texts[pk] for pk in ids.values_list("user_agent_id", flat=True)]))
"""


def main() -> int:
    parser = ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed} (repeat with --seed {options.seed})", flush=True)
    chance = random.Random(options.seed)
    faults = 0
    with own_postgresql() as cluster, installation() as made:
        scene = Scene(made, chance, cluster)
        try:
            _, paths = new_campaign(made, 200)
            for number in range(options.rounds):
                faults += one_round(scene, paths, f"r{number}", options, chance)
        finally:
            scene.close()
        drift = json.loads(made.manage("verify_counts", "--json"))["drift"]
        print(f"verify_counts: drift {drift}")
    print(f"{options.rounds - faults} passed, {faults} failed")
    return 1 if faults or drift else 0


@contextmanager
def own_postgresql() -> Iterator[Cluster | None]:
    if os.environ.get("TEST_DATABASE_URL") != "private":
        yield None
        return
    with private_cluster() as cluster:
        os.environ["TEST_DATABASE_URL"] = cluster.url
        yield cluster


def one_round(
    scene: Scene, paths: list[str], name: str, options: Namespace, chance: random.Random
) -> int:
    """Load with faults at random moments, then the sets compared; 1 for a failed round."""
    happened = []
    with TracedLoad(scene.made, paths, name, options.clients) as load:
        until = time.monotonic() + options.seconds
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.1, 1.0))
            fault = chance.choice(scene.faults())
            happened.append(fault.__name__)
            fault()
    wait_until(lambda: is_settled(scene))
    stored = stored_agents(scene.made, name)
    lost = load.answered - stored.keys()
    doubled = [agent for agent, times in stored.items() if times > 1]
    invented = stored.keys() - load.asked
    is_right = not lost and not doubled and not invented
    print(
        f"{name}: {'right' if is_right else 'WRONG'}: asked {len(load.asked)}, answered "
        f"{len(load.answered)}, stored {len(stored)}; lost {len(lost)}, doubled {len(doubled)}, "
        f"invented {len(invented)}; {', '.join(happened)}",
        flush=True,
    )
    return 0 if is_right else 1


def is_settled(scene: Scene) -> bool:
    """Whether the server is up again and has replayed what waited."""
    scene.check_running()
    try:
        return is_spool_empty(scene.made)
    except (OSError, http.client.HTTPException):
        return False  # its worker is just being replaced


def stored_agents(made: Installation, name: str) -> Counter[str]:
    """How often each request of the round stands in the table of opens."""
    printed = made.manage("shell", "-v0", "-c", STORED.format(name=name))
    return Counter(json.loads(printed.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
