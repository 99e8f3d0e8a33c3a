"""cluster.py - nodes of a cluster, for the tests of clusters: what agents say, and corosync's own tools."""
from lib import becomes, check, eventually, same

CLUSTER = 90.0  # corosync takes its time to agree, on a busy machine more
LOST = 20.0     # until a node that was killed is said to be lost


class Node:
    """An agent, and what corosync's own tools say there."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.rpc = lab.rpc(name)

    def status(self):
        return self.rpc.call("cluster.status")

    def view(self):
        """(quorate, members), as the agent says."""
        status = self.status()
        return status.get("quorate"), status.get("members")

    def problems(self):
        return " | ".join(p["text"] for p in self.status()["problems"])

    def quorumtool(self):
        text = self.lab.try_run("corosync-quorumtool", "-s", node=self.name).stdout
        found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {key.strip(): value.strip() for key, value in found.items()}

    def file(self, name="corosync.conf"):
        return self.lab.try_run("cat", f"/etc/corosync/{name}", node=self.name).stdout

    def files(self):
        """What lies in /etc/corosync and is of Gantry."""
        names = self.lab.sh("ls -A /etc/corosync", node=self.name).split()
        return sorted(set(names) - {"uidgid.d", "qdevice", "qnetd"})

    def again(self):
        """A session with the agent that init started in place of the one that was ended."""
        self.rpc = self.lab.agent_session(self.name)


def gantry(lab, *words):
    return lab.command("gantry", *words)


def works(what, ended):
    return check(what, ended.returncode == 0, f"{ended.returncode}: {ended.stdout}{ended.stderr}")


def settled(what, nodes, quorate, members, seconds=CLUSTER):
    for node in nodes:
        becomes(f"{what}: {node.name} sees {members}", (quorate, members), node.view, seconds)


def alike(what, nodes):
    check(f"{what}: corosync.conf is the same on all",
          eventually(lambda: len({node.file() for node in nodes}) == 1, CLUSTER),
          [(node.name, node.file()) for node in nodes])
    # but for what is kept of a cluster that was left earlier
    same(f"{what}: and nothing of a change lies beside it", [["authkey", "corosync.conf"]] * len(nodes),
         [[name for name in node.files() if not name.endswith("gantry-left")] for node in nodes])


def version(node):
    return node.status()["config_version"]


def together(lab, nodes, name="lab"):
    """Makes the nodes a cluster."""
    names = [node.name for node in nodes]
    works("a cluster is made", gantry(lab, "-H", names[0], "cluster", "create", name))
    if names[1:]:
        works("others join", gantry(lab, "-H", names[0], "cluster", "join", *names[1:], "--yes"))
    settled("together", nodes, True, len(nodes))
