"""``wanglou story``: the stories of the simulated county: list, show, check, rehearse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

app = typer.Typer(help="演练故事 / stories of the simulated county.", no_args_is_help=True)

NAME = typer.Argument(help="故事名或文件 / a story's name or file")


@contextmanager
def told() -> Iterator[None]:
    """Say what is wrong with a configuration in its own words; exit code 1."""
    from config.faults import ConfigError

    try:
        yield
    except ConfigError as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(1) from None


@app.command("list")
def list_stories() -> None:
    """列出内置故事 / list the shipped stories."""
    from drill import story
    from drill.grow import generate

    with told():
        for name in story.names():
            one = story.load(story.path_of(name), generate())
            print(f"{name:14} {story.clock(one.lasts):>8}  {one.title.zh} / {one.title.en}")


@app.command()
def show(name: str = NAME) -> None:
    """逐步显示一个故事 / show a story step by step."""
    from drill import story
    from drill.grow import generate

    with told():
        one = story.load(story.path_of(name), generate())
    print(f"{one.id}: {one.title.zh} / {one.title.en}\n{one.about.zh}\n{one.about.en}")
    for step in one.steps:
        say = f"{step.say.zh} / {step.say.en}" if step.say else ""
        print(f"{story.clock(step.at):>8}  {step.kinds[0]:9}  {say}")


@app.command()
def check(names: list[str] = typer.Argument(None, help="缺省为全部 / all by default")) -> None:
    """检查故事 / check stories: unknown devices, wrong words, impossible times."""
    from config.faults import ConfigError
    from drill import story
    from drill.grow import generate

    county, good = generate(), True
    for name in names or story.names():
        try:
            one = story.load(story.path_of(name), county)
        except ConfigError as problem:
            good = False
            print(problem, file=sys.stderr)
        else:
            print(f"{one.id}: {len(one.steps)} 步，没有问题 / {len(one.steps)} steps, sound")
    if not good:
        raise typer.Exit(1)


@app.command()
def rehearse(
    name: str = NAME,
    plan: Path | None = typer.Option(None, "--plan", help="预案文件 / the plan file"),
    policy: Path | None = typer.Option(None, "--policy", help="参数文件 / the policy file"),
) -> None:
    """不启动任何进程，几秒钟讲完 / tell a story to plan and policy alone, in seconds."""
    from config.io.load import load_plan, load_policy, load_profiles
    from drill import story
    from drill.grow import generate
    from drill.play import State
    from drill.rehearse import Books, Rehearsal

    with told():
        books = Books(load_plan(plan), load_policy(policy), tuple(load_profiles().values()))
        one = story.load(story.path_of(name), generate())
    county = generate(one.seed)
    rehearsal = Rehearsal(one, county, books)
    player = rehearsal.tell()
    for notice in rehearsal.notices:
        at = story.clock((notice.at_ms - player.start_ms) / 1000)
        print(f"{at:>8}  {notice.notice_kind:13}  {notice.subject.zh}")
    for step in player.steps:
        mark = "✓" if step.state is State.DONE else "✗"
        say = f"{step.step.say.zh}" if step.step.say else step.step.kinds[0]
        print(f"{story.clock(step.step.at):>8}  {mark} {say}  {step.why}")
    if player.failed:
        raise typer.Exit(1)


@app.command()
def run(
    stories: list[str] = typer.Argument(
        None,
        help="规则故事的文件或名称，缺省为内置全部 / files or names; all shipped ones by default",
    ),
    plan: Path | None = typer.Option(None, "--plan", help="预案文件 / the plan file"),
    policy: Path | None = typer.Option(None, "--policy", help="参数文件 / the policy file"),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """把规则故事讲给规则听 / tell rule stories to plan and policy; 1: one went otherwise."""
    import json

    from rich.console import Console

    from cli import story_run

    with told():
        rules = story_run.Rules(plan, policy)
        outcomes = [rules.tell(path) for path in story_run.files(stories or ())]
    if as_json:
        print(json.dumps([story_run.as_json(one) for one in outcomes], ensure_ascii=False))
    else:
        story_run.show(outcomes, Console(width=None if sys.stdout.isatty() else 140))
    if not all(one.good for one in outcomes):
        raise typer.Exit(1)
