# The sources in ${cache}: adds the library `grammars`, unless the parser or its headers are missing.
set(core ${cache}/tree-sitter-0.25.2/tree_sitter/core/lib)
set(core_14 ${cache}/tree-sitter-0.24.0/tree_sitter/core/lib/src)
if(NOT EXISTS ${core}/src/lib.c OR NOT EXISTS ${core_14}/parser.h)
  return()
endif()

# The tables of a generated parser follow the headers of its time: ABI 15 brings its own or shares C's, ABI 14 takes those of core 0.24.
set(headers_14 ${CMAKE_CURRENT_BINARY_DIR}/headers_14)
file(COPY ${core_14}/parser.h ${core_14}/array.h ${core_14}/alloc.h ${core_14}/ts_assert.h DESTINATION ${headers_14}/tree_sitter)
set(headers_15 ${cache}/tree_sitter_c-0.24.2/src)

add_library(grammars STATIC ${core}/src/lib.c)
target_include_directories(grammars SYSTEM PUBLIC ${core}/include PRIVATE ${core}/src)
# Generated C in large tables: nobody reads its warnings, and -O2 costs four times the time for a few percent.
target_compile_options(grammars PRIVATE -std=gnu11 -w -O1 -DNDEBUG)
set_target_properties(grammars PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)

foreach(entry ${versions})
  string(REPLACE ":" ";" entry ${entry})
  list(GET entry 0 name)
  list(GET entry 1 version)
  list(GET entry 2 abi)
  set(source ${cache}/tree_sitter_${name}-${version}/src)
  if(NOT EXISTS ${source}/parser.c OR NOT EXISTS ${headers_${abi}}/tree_sitter/parser.h)
    continue()
  endif()
  # An object library each: every parser.c has its own tree_sitter/parser.h.
  add_library(grammar_${name} OBJECT ${source}/parser.c)
  if(EXISTS ${source}/scanner.c)
    target_sources(grammar_${name} PRIVATE ${source}/scanner.c)
  endif()
  target_include_directories(grammar_${name} PRIVATE ${source} ${headers_${abi}})
  # Some scanners rely on a header of theirs for assert; and code in an answer must never end the program.
  target_compile_options(grammar_${name} PRIVATE -std=gnu11 -w -O1 -DNDEBUG -include assert.h)
  set_target_properties(grammar_${name} PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)
  target_sources(grammars PRIVATE $<TARGET_OBJECTS:grammar_${name}>)
  add_grammar(${name})
endforeach()
