"""The built-in effects. A new one is one new file in this folder, imported and listed here.

``tam_edit.effect.EFFECTS`` finds them in ``__all__``, each under its own ``name``.
"""

if __name__ != "tam_edit.effects":
    raise ImportError(
        f"the effects were imported as {__name__!r}: install tam-edit (pip install -e .) and "
        "import tam_edit.effects"
    )

from .background_blur import BackgroundBlur
from .background_remove import BackgroundRemove
from .background_replace import BackgroundReplace
from .blur import Blur
from .desaturate_background import DesaturateBackground
from .fill import Fill
from .outline import Outline
from .pixelate import Pixelate
from .remove import Remove

__all__ = [
    "BackgroundBlur",
    "BackgroundRemove",
    "BackgroundReplace",
    "Blur",
    "DesaturateBackground",
    "Fill",
    "Outline",
    "Pixelate",
    "Remove",
]
