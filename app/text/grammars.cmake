# Grammars of tree-sitter, from the sources that installer/fetch_grammars.sh unpacks or from the system's libraries. What is not there is left
# out; a build without any has plain code, but where PIO_GRAMMARS (the option, or the environment) asks for them that is an error. A folder
# without a root begins where the sources do.
# Sets PIO_GRAMMAR_TABLE (a source file) and adds the library `grammars`, or leaves PIO_GRAMMAR_TABLE empty.
set(PIO_GRAMMAR_TABLE "")
set(asked "${PIO_GRAMMARS}")
if(asked STREQUAL "" AND DEFINED ENV{PIO_GRAMMARS})
  set(asked $ENV{PIO_GRAMMARS})
endif()
if(NOT asked STREQUAL "")
  get_filename_component(cache "${asked}" ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
elseif(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(cache $ENV{XDG_CACHE_HOME}/inference-pio/grammars)
else()
  set(cache $ENV{HOME}/.cache/inference-pio/grammars)
endif()
set(versions
    bash:0.25.1:15 c:0.24.2:15 c_sharp:0.23.1:14 cpp:0.23.4:14 css:0.23.2:14 go:0.25.0:15 java:0.23.5:14 javascript:0.25.0:15
    json:0.24.8:14 kotlin:1.1.0:14 lua:0.2.0:14 python:0.23.6:14 ruby:0.23.1:14 rust:0.24.2:15 toml:0.7.0:14)
set(found "")
set(declarations "")
set(rows "")
# A grammar that is there, for the table.
macro(add_grammar name)
  set(query ${PROJECT_SOURCE_DIR}/resources/queries/${name}.scm)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${query})
  file(READ ${query} query_text)
  list(APPEND found ${name})
  string(APPEND declarations "extern \"C\" const TSLanguage* tree_sitter_${name}();\n")
  string(APPEND rows "    {\"${name}\", &tree_sitter_${name}, R\"scm(${query_text})scm\"},\n")
endmacro()

if(asked STREQUAL "SYSTEM")
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(TREE_SITTER QUIET IMPORTED_TARGET tree-sitter>=0.25)
  endif()
  if(NOT TREE_SITTER_FOUND)
    message(FATAL_ERROR "PIO_GRAMMARS=SYSTEM: tree-sitter 0.25 or newer with its tree-sitter.pc, expected; pkg-config finds none")
  endif()
  add_library(grammars INTERFACE)
  target_link_libraries(grammars INTERFACE PkgConfig::TREE_SITTER)
  foreach(entry ${versions})
    string(REGEX REPLACE ":.*" "" name ${entry})
    string(REPLACE _ - library ${name})
    find_library(PIO_GRAMMAR_${name} tree-sitter-${library})
    mark_as_advanced(PIO_GRAMMAR_${name})
    if(PIO_GRAMMAR_${name})
      target_link_libraries(grammars INTERFACE ${PIO_GRAMMAR_${name}})
      add_grammar(${name})
    endif()
  endforeach()
  if(NOT found)
    message(FATAL_ERROR "PIO_GRAMMARS=SYSTEM: a library tree-sitter-… of a grammar, expected; none found")
  endif()
else()
  include(${CMAKE_CURRENT_LIST_DIR}/grammar_sources.cmake)
  if(NOT found)
    if(NOT asked STREQUAL "")
      message(FATAL_ERROR "PIO_GRAMMARS=${asked}: a folder with the sources that installer/fetch_grammars.sh gets, expected; none found in ${cache}")
    endif()
    message(STATUS "Code colours: none (no grammars in ${cache}; installer/fetch_grammars.sh gets them)")
    return()
  endif()
endif()

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
list(TRANSFORM versions REPLACE ":.*" "" OUTPUT_VARIABLE missing)
list(REMOVE_ITEM missing ${found})
list(JOIN found " " found)
list(JOIN missing " " missing)
string(REGEX REPLACE "(.+)" "; not there: \\1" missing "${missing}")
message(STATUS "Code colours: ${found} html${missing}")
