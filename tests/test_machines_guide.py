"""What the guide for many machines gives people to type and to copy is sound."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from string import Template

import pytest
import yaml
from documented_commands import read_command_line
from optuna.trial import TrialState

from kallos_data import ingest_frame, simulate_market
from kallos_tune import load_study
from kallos_tune.trial_attributes import WORKER

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/machines.md").read_text(encoding="utf-8")
FOLDER = ROOT / "docs/machines"
UNIT = (FOLDER / "kallos@.service").read_text(encoding="utf-8")
SLURM = (FOLDER / "kallos.sbatch").read_text(encoding="utf-8")
JOB = yaml.safe_load((FOLDER / "kallos-job.yaml").read_text(encoding="utf-8"))
CONTAINER = JOB["spec"]["template"]["spec"]["containers"][0]
SMALL = ["--n-trials", "4", "--max-epochs", "1", "--folds", "2", "--workers", "1"]


def environment_file():
    lines = (FOLDER / "kallos.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def of_the_unit():
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    return shlex.split(Template(line.replace("%i", "gru_btc")).substitute(environment_file()))


def of_slurm():
    (line,) = re.findall(r"^exec (.*)$", SLURM, re.MULTILINE)
    return shlex.split(Template(line).substitute(SLURM_CPUS_PER_TASK="4", SLURM_ARRAY_TASK_ID="1"))


def of_the_guide():
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line[0] != "export"]


COMMANDS = [of_the_unit(), of_slurm(), [*CONTAINER["command"], *CONTAINER["args"]], *of_the_guide()]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_line_can_be_read(command):
    program, name, *words = command
    assert program in ("./run", "/opt/kallos/run")
    assert name == "kallos-run"
    assert read_command_line(words).params["optuna_schema"] == "studies"


def test_all_run_the_same_study():
    (guide,) = (command for command in of_the_guide() if "tune" in command)
    for command in COMMANDS[:3]:
        assert command[command.index("tune") :][: len(guide) - 2] == guide[2:]


def test_two_machines_meet_the_budget_exactly(postgres_url, tmp_path, warm_commands, small_models):
    ingest_frame(simulate_market(240, seed=1, start="2022-06-01"), "BTC", postgres_url)
    (command,) = (command for command in of_the_guide() if "tune" in command)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KALLOS_")}
    machines = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        machines.append(
            warm_commands.start(
                [*command[2:], *SMALL],
                cwd=tmp_path / name,
                env=environment | {"KALLOS_DB_URL": postgres_url, "KALLOS_CONFIG": small_models},
                stderr=subprocess.STDOUT,
            )
        )
    said = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    trials = load_study(postgres_url, "gru_btc", optuna_schema="studies").trials
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(trials) == 4
    assert {int(trial.user_attrs[WORKER].split(":")[1]) for trial in trials} <= {machine.pid for machine in machines}
    assert (tmp_path / "one/gru_btc_best_params.json").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "kallos@gru_btc.service"
    unit.write_text(UNIT.replace("/opt/kallos", str(ROOT)))
    command = ["systemd-analyze", "verify", "--man=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    about_it = [line for line in done.stderr.splitlines() if "kallos@" in line]
    assert (done.returncode, about_it) == (0, []), done.stderr


def test_systemd_starts_again_what_is_worth_it():
    settings = dict(line.split("=", 1) for line in UNIT.splitlines() if "=" in line and not line.startswith("#"))
    assert settings["Restart"] == "on-failure"
    assert settings["RestartPreventExitStatus"] == "2"
    assert settings["SuccessExitStatus"] == "130 143"
    assert settings["EnvironmentFile"] == "/etc/kallos/%i.env"


def test_the_shell_takes_the_slurm_script():
    subprocess.run(["bash", "-n", FOLDER / "kallos.sbatch"], check=True, timeout=60)
    assert "#SBATCH --array=" in SLURM


def test_the_job_is_a_queue_of_work():
    spec, pod = JOB["spec"], JOB["spec"]["template"]["spec"]
    assert (JOB["apiVersion"], JOB["kind"]) == ("batch/v1", "Job")
    assert spec["parallelism"] > 1
    assert "completions" not in spec
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] > 10
    codes = {
        code: rule["action"]
        for rule in spec["podFailurePolicy"]["rules"]
        for code in rule.get("onExitCodes", {"values": []})["values"]
    }
    assert codes == {2: "FailJob", 130: "Ignore", 143: "Ignore"}
    assert CONTAINER["envFrom"] == [{"secretRef": {"name": "kallos"}}]
    workers = CONTAINER["args"][CONTAINER["args"].index("--workers") + 1]
    assert CONTAINER["resources"]["limits"]["cpu"] == CONTAINER["resources"]["requests"]["cpu"] == workers


def test_whoever_reads_the_guide_finds_the_files():
    linked = set(re.findall(r"\]\(machines/([^)]+)\)", GUIDE))
    assert linked == {path.name for path in FOLDER.iterdir()}
    assert "](docs/machines.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
