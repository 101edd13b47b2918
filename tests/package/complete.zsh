# complete.zsh COMPLETIONS PROGRAMS "typed words" EXPECTED…: what zsh shows after two Tabs, with its control sequences; as soon as all that is
# expected is there, or after a minute.
zmodload zsh/zpty
zpty -b shell zsh -f
zpty -w shell "PS1=; fpath=($1 \$fpath); path=($2 \$path); autoload -Uz compinit; compinit -u -D; LISTMAX=10000; stty columns 300 rows 200; echo rea''dy"
local seen= chunk expected
integer tries=0 missing=1
while [[ $seen != *ready* && tries -lt 600 ]]; do
  if zpty -r -t shell chunk; then seen+=$chunk; else sleep 0.1; (( tries++ )); fi
done
zpty -w -n shell "$3"$'\t\t'
seen=
tries=0
while (( missing > 0 && tries < 600 )); do
  if zpty -r -t shell chunk; then seen+=$chunk; else sleep 0.1; (( tries++ )); fi
  missing=0
  for expected in ${argv[4,-1]}; do [[ $seen == *$expected* ]] || (( missing++ )); done
done
print -r -- "$seen"
zpty -d shell
