#!/usr/bin/env bash
# Brings the .ts files up to date with the texts of app and ui: new ones come in as unfinished, those that are gone go.
# usage: update.sh [FOLDER]      FOLDER: other .ts files than those beside this script
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(cd "${1:-$here}" && pwd)
cd "$here/../.."
lupdate=$(command -v lupdate6 || ls /usr/lib/qt6/bin/lupdate "$(qtpaths6 --query QT_HOST_BINS 2>/dev/null)/lupdate" 2>/dev/null | head -1 || true)
[ -n "$lupdate" ] || { echo "lupdate of Qt 6 is not here (Debian: qt6-l10n-tools)" >&2; exit 1; }
options=(-I . -source-language en -locations none -no-obsolete -no-ui-lines -silent)
"$lupdate" "${options[@]}" app ui -ts "$folder/pio_de.ts" "$folder/pio_zh_CN.ts"
"$lupdate" "${options[@]}" -pluralonly app ui -ts "$folder/pio_en.ts"      # what is one or many; all else is English already
