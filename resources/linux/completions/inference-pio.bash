# Completion for bash of pio and inference-pio. It asks the program's own --help, so it knows the options of the version that is installed.
_inference_pio() {
  local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= help values
  COMPREPLY=()
  if [[ ${program##*/} == pio && $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]]; then command=${COMP_WORDS[1]}; fi
  help=$(LC_ALL=C.UTF-8 QT_QPA_PLATFORM=offscreen "$program" ${command:+"$command"} --help 2>/dev/null) || return 0
  if [[ $prev == -* ]]; then
    # "  --kv TEXT:{f16,q8_0}  …" has a list of values, "  --model <MODEL>  …" and "  --ctx TEXT  …" a value of any kind.
    values=$(sed -nE "s/^  (-[[:alnum:]],? ?)?$prev TEXT:\{([^}]*)\}.*/\2/p" <<< "$help")
    if [[ -n $values ]]; then
      mapfile -t COMPREPLY < <(compgen -W "${values//,/ }" -- "$cur")
      return 0
    fi
    if grep -qE -- "^  (-[[:alnum:]],? ?)?$prev (TEXT|<)" <<< "$help"; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return 0
    fi
  fi
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(sed -nE 's/^  (-[^ ,]+)(, ?|,)?(--[^ ]+)?.*/\1 \3/p' <<< "$help")" -- "$cur")
  elif [[ ${program##*/} == pio && -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(sed -nE '/^Subcommands:/,$s/^  ([a-z][^ ]*).*/\1/p' <<< "$help")" -- "$cur")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}
complete -F _inference_pio pio inference-pio
