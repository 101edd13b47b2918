# `cmake --install`: the programs, and what a desktop and a shell want to know of them. Icons, the catalogue, QML and the colours' queries are
# inside the programs; the fonts lie beside them, for computers that have none of theirs.
include(GNUInstallDirs)
set(linux ${PROJECT_SOURCE_DIR}/resources/linux)
set(id io.github.inference_pio.InferencePio)
set(made ${PROJECT_BINARY_DIR}/installed)
file(MAKE_DIRECTORY ${made})

# Debian's own folder for packages; elsewhere zsh looks into site-functions.
if(EXISTS /etc/debian_version)
  set(zsh_default share/zsh/vendor-completions)
else()
  set(zsh_default share/zsh/site-functions)
endif()
set(PIO_ZSH_COMPLETIONS ${zsh_default} CACHE STRING "Where completions for zsh are installed, below the prefix")
mark_as_advanced(PIO_ZSH_COMPLETIONS)

# A manual page holds what the program's --help says; made with the program, it cannot differ from it.
find_package(Python3 COMPONENTS Interpreter)
function(install_program name)
  # Libraries that are put beside the program are found before those of the system.
  set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/inference-pio")
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${linux}/completions/inference-pio.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${name})
  if(Python3_FOUND AND NOT CMAKE_CROSSCOMPILING)
    add_custom_command(OUTPUT ${made}/${name}.1.gz DEPENDS ${name} ${linux}/${name}.1.in ${PROJECT_SOURCE_DIR}/installer/make_manual.py VERBATIM
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/installer/make_manual.py $<TARGET_FILE:${name}> ${PROJECT_VERSION} ${linux}/${name}.1.in ${made}/${name}.1.gz
      COMMENT "The manual page of ${name}")
    add_custom_target(manual_${name} ALL DEPENDS ${made}/${name}.1.gz)
    install(FILES ${made}/${name}.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  else()
    message(STATUS "Manual page of ${name}: not made (it takes Python 3 and a program that runs here)")
  endif()
endfunction()

install_program(pio)
install(FILES ${linux}/completions/_inference-pio DESTINATION ${PIO_ZSH_COMPLETIONS})
# The component `standalone`: what a package of a distribution takes from the distribution.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/inference-pio COMPONENT standalone)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/resources/licences DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/inference-pio COMPONENT standalone)
install(FILES ${linux}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/inference-pio)
find_program(GZIP gzip)
if(GZIP)
  add_custom_command(OUTPUT ${made}/changelog.gz DEPENDS ${linux}/changelog COMMAND ${GZIP} -9nc ${linux}/changelog > ${made}/changelog.gz)
  add_custom_target(packed_changelog ALL DEPENDS ${made}/changelog.gz)
  install(FILES ${made}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/inference-pio)
endif()
if(TARGET pio_vulkan)
  install(TARGETS pio_vulkan LIBRARY DESTINATION lib/inference-pio)  # where the programs look for it, whatever this distribution's lib is called
  # CPack has a package call ldconfig for any library in a folder of lib; of one that programs open by its path it finds nothing.
  file(WRITE ${made}/lintian-overrides "inference-pio: maintscript-calls-ldconfig\n")
  install(FILES ${made}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME inference-pio)
endif()
if(NOT PIO_APP)
  return()
endif()

install_program(inference-pio)
install(FILES ${linux}/${id}.desktop DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)
install(FILES ${linux}/${id}.metainfo.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo)
install(FILES ${linux}/${id}.mime.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/mime/packages RENAME ${id}.xml)

set(icons ${CMAKE_INSTALL_DATADIR}/icons/hicolor)
install(FILES ${linux}/${id}.svg DESTINATION ${icons}/scalable/apps)
install(FILES ${linux}/${id}-symbolic.svg DESTINATION ${icons}/symbolic/apps)
add_executable(draw_icons ${PROJECT_SOURCE_DIR}/installer/draw_icons.cpp)
target_link_libraries(draw_icons PRIVATE Qt6::Gui Qt6::Svg)
set(sizes 16 22 24 32 48 64 128 256 512)
list(TRANSFORM sizes REPLACE "(.+)" "${made}/\\1.png" OUTPUT_VARIABLE drawn)
add_custom_command(OUTPUT ${drawn} DEPENDS draw_icons ${linux}/${id}.svg COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:draw_icons> ${linux}/${id}.svg ${made} ${sizes} VERBATIM COMMENT "The icon in its sizes")
add_custom_target(app_icons ALL DEPENDS ${drawn})
foreach(size ${sizes})
  install(FILES ${made}/${size}.png DESTINATION ${icons}/${size}x${size}/apps RENAME ${id}.png)
endforeach()

# main.cpp takes the fonts from ../share/inference-pio/fonts. A package of a distribution depends on the distribution's instead.
set(font_folders /usr/share/fonts/opentype/inter /usr/share/fonts/truetype/inter /usr/share/fonts/truetype/jetbrains-mono)
foreach(font Inter-Regular Inter-Medium Inter-SemiBold Inter-Bold Inter-Italic JetBrainsMono-Regular JetBrainsMono-Bold)
  find_file(PIO_FONT_${font} NAMES ${font}.otf ${font}.ttf PATHS ${font_folders} NO_DEFAULT_PATH)
  mark_as_advanced(PIO_FONT_${font})
  if(PIO_FONT_${font})
    install(FILES ${PIO_FONT_${font}} DESTINATION ${CMAKE_INSTALL_DATADIR}/inference-pio/fonts COMPONENT standalone)
  else()
    message(STATUS "Font ${font}: not found, not installed (fonts-inter, fonts-jetbrains-mono)")
  endif()
endforeach()
foreach(package fonts-inter fonts-jetbrains-mono)
  install(FILES /usr/share/doc/${package}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/inference-pio/fonts RENAME ${package}.txt COMPONENT standalone OPTIONAL)
endforeach()
