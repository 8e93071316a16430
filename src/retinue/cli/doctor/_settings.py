"""Settings: the files that count, those that do not, and what is broken in them."""

from retinue.settings import Settings

from ._finding import Finding


def found_in(settings: Settings, program: str) -> list[Finding]:
    """What became of each file and variable that sets something."""
    findings: list[Finding] = []
    for source in settings.sources:
        match source.state:
            case "read":
                findings.append(Finding(about="settings", state="fine", words=str(source.path)))
            case "absent":
                words = f"{source.path} is not there, so the defaults count"
                findings.append(Finding(about="settings", state="note", words=words))
            case state:
                what = "is not trusted" if state == "unknown" else "has changed"
                words = f"{source.path} {what}, so it is not read"
                fix = f"Look at it, then: {program} trust"
                findings.append(Finding(about="settings", state="warning", words=words, fix=fix))
    for variable in settings.ignored:
        words, fix = f"{variable} is no variable of mine", f"See: {program} config"
        findings.append(Finding(about="settings", state="warning", words=words, fix=fix))
    return findings
