# Grammars of tree-sitter, from the sources that installer/fetch_grammars.sh unpacks. What is not there is left out; a build without any has
# plain code. Sets PIO_GRAMMAR_TABLE (a source file) and adds the library `grammars`, or leaves PIO_GRAMMAR_TABLE empty.
set(PIO_GRAMMAR_TABLE "")
if(DEFINED ENV{PIO_GRAMMARS})
  set(cache $ENV{PIO_GRAMMARS})
elseif(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(cache $ENV{XDG_CACHE_HOME}/inference-pio/grammars)
else()
  set(cache $ENV{HOME}/.cache/inference-pio/grammars)
endif()

set(core ${cache}/tree-sitter-0.25.2/tree_sitter/core/lib)
set(core_14 ${cache}/tree-sitter-0.24.0/tree_sitter/core/lib/src)
if(NOT EXISTS ${core}/src/lib.c OR NOT EXISTS ${core_14}/parser.h)
  message(STATUS "Code colours: none (no grammars in ${cache}; installer/fetch_grammars.sh gets them)")
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

set(found "")
set(declarations "")
set(rows "")
foreach(entry
    bash:0.25.1:15 c:0.24.2:15 c_sharp:0.23.1:14 cpp:0.23.4:14 css:0.23.2:14 go:0.25.0:15 java:0.23.5:14 javascript:0.25.0:15
    json:0.24.8:14 kotlin:1.1.0:14 lua:0.2.0:14 python:0.23.6:14 ruby:0.23.1:14 rust:0.24.2:15 toml:0.7.0:14)
  string(REPLACE ":" ";" entry ${entry})
  list(GET entry 0 name)
  list(GET entry 1 version)
  list(GET entry 2 abi)
  set(source ${cache}/tree_sitter_${name}-${version}/src)
  set(query ${PROJECT_SOURCE_DIR}/resources/queries/${name}.scm)
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
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${query})
  file(READ ${query} query_text)
  list(APPEND found ${name})
  string(APPEND declarations "extern \"C\" const TSLanguage* tree_sitter_${name}();\n")
  string(APPEND rows "    {\"${name}\", &tree_sitter_${name}, R\"scm(${query_text})scm\"},\n")
endforeach()
if(NOT found)
  return()
endif()
set_target_properties(grammars PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)

file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/grammar_table.cpp @ONLY CONTENT [=[
#include "app/text/grammars.h"

@declarations@
namespace pio {
namespace {
const Grammar kGrammars[] = {
@rows@};
}  // namespace

std::span<const Grammar> grammars() { return kGrammars; }

}  // namespace pio
]=])
set(PIO_GRAMMAR_TABLE ${CMAKE_CURRENT_BINARY_DIR}/grammar_table.cpp)
list(JOIN found " " found)
message(STATUS "Code colours: ${found} html")
