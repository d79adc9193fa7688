"""What makes the page its owner's: colours, pictures, links, texts and a style sheet, as fields of the page's form."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents import brand_actions
from incidents.brand import MAX_FOOTER, MAX_HEADER
from incidents.choices import BrandFileKind
from incidents.colours import read_colour
from incidents.component_actions import save_page_part
from incidents.forms.fields import MarkdownField
from incidents.models import BrandFile
from incidents.page_links import read_links
from incidents.pictures import MAX_PICTURE, Picture, check_size, read_picture
from incidents.style_sheets import MAX_STYLE_SHEET, check_style_sheet

PICTURES = {"logo": BrandFileKind.LOGO, "logo_dark": BrandFileKind.LOGO_DARK, "icon": BrandFileKind.ICON}
COLOURS = ("accent", "accent_dark", "masthead", "masthead_dark")
LINKS = ("nav_links", "footer_links", "legal_links")
TEXTS = ("header_text", "footer_text")
MADE = gettext_lazy("Empty: made from the one above. The preview shows it.")
PAGE_FIELDS = (*COLOURS, "shows_name", "icon_shows_state", *LINKS, *TEXTS, "uses_style_sheet")
SECTIONS = (
    (
        gettext_lazy("Look"),
        {
            "fields": ("logo", "logo_dark", "shows_name", *COLOURS, "icon", "icon_shows_state"),
            "description": gettext_lazy(
                "Used by the page, the pages of subscribers, and mails. The colours that stand for a status stay as "
                "they are, so that green is green on every status page."
            ),
        },
    ),
    (
        gettext_lazy("Links"),
        {
            "fields": LINKS,
            "description": gettext_lazy(
                "One a line: the words, then the address, as in: Imprint https://example.com/imprint"
            ),
        },
    ),
    (gettext_lazy("Text"), {"fields": TEXTS}),
    (
        gettext_lazy("Own style sheet"),
        {
            "fields": ("style_sheet", "style_sheet_file", "uses_style_sheet"),
            "description": gettext_lazy(
                "Comes last, so it can change everything on the page, and can also hide what readers look for. Look "
                "at the preview first. This screen and mails never use it: it can always be switched off here."
            ),
        },
    ),
)


class ColourField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        attrs = {"size": 9, "autocomplete": "off", "spellcheck": "false", "data-colour": "true"}
        super().__init__(required=False, widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return read_colour(text) if text else ""


class LinksField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 60}), **kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        read_links(text)
        return text


class PictureInput(forms.ClearableFileInput):
    """Shows the picture that holds, and carries one along that was fine while another field was not."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name not in files and (kept := _unpacked(data.get(f"{name}-kept", ""))):
            return kept
        return super().value_from_datadict(data, files, name)

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        context = self.get_context(name, value, attrs)
        return render_to_string("admin/incidents/picture.html", {**context, "kept": _packed(value)})


class PictureField(forms.FileField):
    """Cleans to a `Picture` with its name, to what it was before, or to False when that is to go."""

    widget = PictureInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data if isinstance(data, UploadedFile) else initial

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if not isinstance(file, UploadedFile):
            return file
        check_size(file.size)
        return file.name, _read(file)


class BrandForm(forms.ModelForm):
    logo = PictureField(
        label=gettext_lazy("Logo"),
        help_text=gettext_lazy("SVG, PNG or WebP of at most 100 kB. Stands in place of the name, and reads as it."),
    )
    logo_dark = PictureField(
        label=gettext_lazy("Logo on dark"),
        help_text=gettext_lazy("For readers whose screen is dark. Without it they see the logo above."),
    )
    accent = ColourField(label=gettext_lazy("Links and buttons"))
    accent_dark = ColourField(label=gettext_lazy("Links and buttons on dark"), help_text=MADE)
    masthead = ColourField(
        label=gettext_lazy("Background of the header"),
        help_text=gettext_lazy("Words on it become white or black, whichever can be read. Check the logo yourself."),
    )
    masthead_dark = ColourField(label=gettext_lazy("Background of the header on dark"), help_text=MADE)
    icon = PictureField(label=gettext_lazy("Icon in the browser’s tab"), help_text=gettext_lazy("SVG or PNG, square."))
    nav_links = LinksField(label=gettext_lazy("In the header"))
    footer_links = LinksField(label=gettext_lazy("In the footer"))
    legal_links = LinksField(
        label=gettext_lazy("Imprint, privacy and the like"),
        help_text=gettext_lazy("In the footer of the page, and of each mail."),
    )
    header_text = MarkdownField(label=gettext_lazy("Below the name"), required=False, rows=2, limit=MAX_HEADER)
    footer_text = MarkdownField(
        label=gettext_lazy("In the footer"),
        required=False,
        limit=MAX_FOOTER,
        help_text=gettext_lazy("Of the page, and of each mail."),
    )
    style_sheet = forms.CharField(
        label=gettext_lazy("Style sheet (CSS)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60, "spellcheck": "false", "class": "typed-code"}),
        help_text=gettext_lazy("Loads nothing from elsewhere; pictures can be written into it, as data:image/…"),
    )
    style_sheet_file = forms.FileField(
        label=gettext_lazy("… or from a file"),
        required=False,
        help_text=gettext_lazy("What it holds comes into the field above, in place of what stands there."),
    )

    def __init__(self, data: Any = None, files: Any = None, *args: Any, **kwargs: Any) -> None:
        self.files_before = {file.kind: file for file in BrandFile.objects.all()}
        self.wrong_file = ""
        if files and (file := files.get("style_sheet_file")):
            data = self._with_style_sheet(data, file)
        super().__init__(data, files, *args, **kwargs)
        for name, kind in PICTURES.items():
            self.initial[name] = self.files_before.get(kind)
        own = self.files_before.get(BrandFileKind.STYLE_SHEET)
        self.initial["style_sheet"] = bytes(own.content).decode() if own else ""

    def clean_icon(self) -> Any:
        chosen = self.cleaned_data["icon"]
        if isinstance(chosen, tuple) and chosen[1].content_type == "image/webp":
            raise ValidationError(_("Not every browser shows WebP in its tab: choose an SVG or a PNG."))
        return chosen

    def clean_style_sheet(self) -> str:
        if self.wrong_file:
            raise ValidationError(self.wrong_file)
        return check_style_sheet(self.cleaned_data["style_sheet"])

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """What is wrong, for the preview, which leads to no field: this form must not be left for it."""
        labels = {name: f"{field.label}: " for name, field in self.fields.items()}
        return [("", "", labels.get(name, "") + message) for name, said in self.errors.items() for message in said]

    def act(self, actor: Any) -> None:
        """Save what changed, each by its verb."""
        of_page = {field.name for field in self.instance._meta.fields}
        changed = [name for name in self.changed_data if name in of_page]
        if changed:
            save_page_part(self.instance, actor=actor, changed=changed)
        for name, kind in PICTURES.items():
            chosen = self.cleaned_data[name]
            if chosen is False:
                brand_actions.remove_file(kind, actor=actor)
            elif isinstance(chosen, tuple):
                brand_actions.set_picture(kind, chosen[0], chosen[1].content, actor=actor)
        self._save_style_sheet(self.cleaned_data["style_sheet"], actor)

    def _save_style_sheet(self, text: str, actor: Any) -> None:
        if text == self.initial["style_sheet"]:
            return
        if text:
            brand_actions.set_style_sheet(text, actor=actor)
        else:
            brand_actions.remove_file(BrandFileKind.STYLE_SHEET, actor=actor)

    def _with_style_sheet(self, data: Any, file: UploadedFile) -> Any:
        data = data.copy()
        try:
            if file.size > MAX_STYLE_SHEET:
                raise ValueError
            data["style_sheet"] = file.read().decode("utf-8-sig")
        except ValueError:
            self.wrong_file = _("The file is no style sheet in UTF-8 of at most 50 kB. The field is as it was.")
        return data


def _read(file: UploadedFile) -> Picture:
    file.seek(0)
    return read_picture(file.read())


def _packed(value: Any) -> dict[str, str]:
    """An upload that is fine, as a hidden field can carry it; nothing else."""
    if not isinstance(value, UploadedFile) or value.size > MAX_PICTURE:
        return {}
    try:
        picture = _read(value)
    except ValidationError:
        return {}
    content = base64.b64encode(picture.content).decode()
    return {
        "name": value.name,
        "value": f"{content} {value.name}",
        "shown": f"data:{picture.content_type};base64,{content}",
    }


def _unpacked(text: str) -> UploadedFile | None:
    content, _space, name = text.partition(" ")
    try:
        return SimpleUploadedFile(name, base64.b64decode(content, validate=True)) if content and name else None
    except (ValueError, binascii.Error):
        return None
