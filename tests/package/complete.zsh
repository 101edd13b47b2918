# complete.zsh COMPLETIONS PROGRAMS "typed words": what zsh shows after two Tabs, with its control sequences.
zmodload zsh/zpty
zpty -b shell zsh -f
zpty -w shell "PS1=; fpath=($1 \$fpath); path=($2 \$path); autoload -Uz compinit; compinit -u -D; LISTMAX=10000; stty columns 300 rows 200; echo rea''dy"
local seen= chunk
integer tries=0
while [[ $seen != *ready* && tries -lt 200 ]]; do
  if zpty -r -t shell chunk; then seen+=$chunk; else sleep 0.1; (( tries++ )); fi
done
zpty -w -n shell "$3"$'\t\t'
# What is shown comes in pieces; it has ended when nothing came for a second.
seen=
integer quiet=0 waited=0
while (( quiet < 10 && waited < 200 )); do
  if zpty -r -t shell chunk; then seen+=$chunk; quiet=0; else sleep 0.1; (( waited++ )); [[ -n ${seen//[$3[:space:]]/} ]] && (( quiet++ )); fi
done
print -r -- "$seen"
zpty -d shell
