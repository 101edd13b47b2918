# Run by ctest: cmake -DNM=… -DOBJECTS=folder -P isa_objects_test.cmake
# The objects of kernels/cpu/kernels_<isa>.cpp are compiled for processors that not everybody has. A function there that other objects
# may share (weak: W or V in nm; unique: u), such as an inline one of the standard library, could be the copy that the linker keeps for
# the whole program, which then ends with an illegal instruction on an older processor.
file(GLOB_RECURSE objects "${OBJECTS}/*kernels_*.cpp.o")
if(NOT objects)
  message(FATAL_ERROR "no object kernels_*.cpp.o in ${OBJECTS}")
endif()
foreach(object ${objects})
  execute_process(COMMAND ${NM} -C ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${NM} ${object}: ${result}")
  endif()
  string(REGEX MATCHALL "[^\n]* [WVuwv] [^\n]*" shared "${symbols}")
  list(FILTER shared EXCLUDE REGEX " w __gmon_start__| w _ITM_")
  if(shared)
    string(REPLACE ";" "\n  " shared "${shared}")
    message(SEND_ERROR "${object} shares functions:\n  ${shared}")
  else()
    message(STATUS "${object}: none shared")
  endif()
endforeach()
