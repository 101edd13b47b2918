# complete.bash COMPLETIONS PROGRAMS "typed words": what bash offers, on one line.
source "$1/inference-pio.bash"
PATH=$2:$PATH
read -ra COMP_WORDS <<< "$3"
[[ $3 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_inference_pio
echo "${COMPREPLY[*]}"
