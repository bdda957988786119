"""A person decides about an open, its network or its agent; its recipient's opens follow."""

from __future__ import annotations

from ipaddress import ip_network

from django import forms
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from tracker.judging.again import JudgeAgain
from tracker.judging.refresh import SHORTEST_PREFIX
from tracker.language import translated
from tracker.models import Open, Ruling
from tracker.verdicts import Verdict

ABOUT = (
    ("open", gettext_lazy("this open only")),
    ("address", gettext_lazy("everything from its address")),
    ("network", gettext_lazy("everything from its network")),
    ("agent", gettext_lazy("everything with its user agent")),
)


class RulingForm(forms.Form):
    """What is decided about one open of a pixel; ``opens`` are those that may be named."""

    open = forms.ModelChoiceField(Open.objects.none(), widget=forms.HiddenInput)
    verdict = forms.TypedChoiceField(
        label=gettext_lazy("It was"),
        coerce=lambda text: Verdict(text),
        choices=lambda: [(verdict.value, translated(verdict.label)) for verdict in Verdict],
    )
    about = forms.ChoiceField(label=gettext_lazy("Applies to"), choices=ABOUT)
    note = forms.CharField(
        label=gettext_lazy("Why (for your colleagues)"), max_length=200, required=False
    )

    def __init__(self, pixel_id: int, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["open"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Open.objects.filter(pixel=pixel_id)

    def clean(self) -> dict[str, object]:
        cleaned = self.cleaned_data
        one, about = cleaned.get("open"), cleaned.get("about")
        if one is not None and about in ("address", "network") and not one.ip:
            raise forms.ValidationError(
                gettext("This open has no address: decide about the open itself.")
            )
        if one is not None and about == "agent" and one.user_agent_id is None:
            raise forms.ValidationError(
                gettext("This open has no agent: decide about the open itself.")
            )
        return cleaned


class NetworkRulingForm(forms.Form):
    """What is decided about everything from a network, whoever opened from there."""

    network = forms.CharField(
        label=gettext_lazy("Network"),
        help_text=gettext_lazy("An address, or a range as 192.0.2.0/24 or 2001:db8::/32."),
        max_length=49,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    verdict = RulingForm.base_fields["verdict"]
    note = forms.CharField(
        label=gettext_lazy("Why (for your colleagues)"), max_length=200, required=False
    )

    def clean_network(self) -> str:
        text: str = self.cleaned_data["network"]
        try:
            around = ip_network(text, strict=False)
        except ValueError as error:
            raise forms.ValidationError(
                gettext("This is no network. Write an address, or a range as 192.0.2.0/24.")
            ) from error
        if not is_in_order(text):
            raise forms.ValidationError(
                gettext("The address does not begin a range. Did you mean %(network)s?")
                % {"network": around}
            )
        if around.prefixlen < SHORTEST_PREFIX[around.version]:
            raise forms.ValidationError(
                gettext("That is too much of the Internet: at most /%(bits)s can be decided about.")
                % {"bits": SHORTEST_PREFIX[around.version]}
            )
        return str(around)


def is_in_order(text: str) -> bool:
    """Whether nothing stands behind the prefix: 192.0.2.7/24 may be a slip."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def decide(form: RulingForm, user_id: int | None) -> Ruling:
    """Store what a valid form says, and judge the recipient's opens again.

    Other recipients' opens follow: ``tracker.judging.spreading``.
    """
    one: Open = form.cleaned_data["open"]
    about: str = form.cleaned_data["about"]
    ruling = Ruling(
        verdict=form.cleaned_data["verdict"].number,
        note=form.cleaned_data["note"],
        set_by_id=user_id,
    )
    if about == "open":
        ruling.open = one
        ruling.spread_at = timezone.now()
    elif about == "agent":
        ruling.user_agent_id = one.user_agent_id
    else:
        ruling.network = network_around(one.ip or "", is_wide=about == "network")
    ruling.save()
    JudgeAgain().pixels([one.pixel_id])
    return ruling


def decide_about_network(form: NetworkRulingForm, user_id: int | None) -> Ruling:
    """Store what a valid form says; opens follow: ``tracker.judging.spreading``."""
    return Ruling.objects.create(
        network=form.cleaned_data["network"],
        verdict=form.cleaned_data["verdict"].number,
        note=form.cleaned_data["note"],
        set_by_id=user_id,
    )


def take_back(ruling: Ruling, pixel_id: int | None) -> None:
    """At once for that recipient; for whatever else it was about, the schedule follows."""
    if ruling.open_id is not None:
        ruling.delete()
    else:
        ruling.taken_back_at, ruling.spread_at, ruling.spread_to = timezone.now(), None, 0
        ruling.save(update_fields=["taken_back_at", "spread_at", "spread_to"])
    if pixel_id is not None:
        JudgeAgain().pixels([pixel_id])


def network_around(ip: str, *, is_wide: bool) -> str:
    """The address alone, or the 256 addresses (or the /48) that one household or firm has."""
    bits = {True: (24, 48), False: (32, 128)}[is_wide]
    return str(ip_network(f"{ip}/{bits[':' in ip]}", strict=False))
