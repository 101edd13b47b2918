#!/bin/sh
# validate_test.sh desktop|appstream|mime FOLDER: the files of FOLDER are what their own tools take without a word.
set -e
need() {
  command -v "$1" > /dev/null && return
  echo "skipped: $1 is not installed (package $2)"
  exit 77
}
case $1 in
  desktop)
    need desktop-file-validate desktop-file-utils
    desktop-file-validate "$2"/*.desktop
    ;;
  appstream)
    need appstreamcli appstream
    appstreamcli validate --no-net "$2"/*.metainfo.xml
    ;;
  mime)
    need update-mime-database shared-mime-info
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir "$folder/packages"
    cp "$2"/*.mime.xml "$folder/packages/test.xml"
    XDG_DATA_DIRS=$folder update-mime-database "$folder"
    grep -q "application/x-gguf:\*.gguf" "$folder/globs" || { echo "no type for *.gguf"; exit 1; }
    # Every type of the desktop file is one of the program's own, or one that pictures have.
    for type in $(sed -n 's/^MimeType=//p' "$2"/*.desktop | tr ';' ' '); do
      case $type in image/*) ;; *) [ -s "$folder/$type.xml" ] || { echo "$type: a type of its own, found none"; exit 1; } ;; esac
    done
    ;;
esac
