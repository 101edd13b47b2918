# `cmake --install`: the programs, and what a desktop wants to know of them. Icons, the catalogue, QML and the colours' queries are inside the
# programs; the fonts lie beside them, for computers that have none of theirs.
include(GNUInstallDirs)
set(linux ${PROJECT_SOURCE_DIR}/resources/linux)
set(id io.github.inference_pio.InferencePio)

install(TARGETS pio RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${linux}/pio.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/resources/licences/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(NOT PIO_APP)
  return()
endif()

install(TARGETS inference-pio RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${linux}/inference-pio.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${linux}/${id}.desktop DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)
install(FILES ${linux}/${id}.metainfo.xml DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo)
install(FILES ${linux}/${id}.svg DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps)

# main.cpp takes the fonts from ../share/inference-pio/fonts.
set(font_folders /usr/share/fonts/opentype/inter /usr/share/fonts/truetype/inter /usr/share/fonts/truetype/jetbrains-mono)
foreach(font Inter-Regular Inter-Medium Inter-SemiBold Inter-Bold Inter-Italic JetBrainsMono-Regular JetBrainsMono-Bold)
  find_file(PIO_FONT_${font} NAMES ${font}.otf ${font}.ttf PATHS ${font_folders} NO_DEFAULT_PATH)
  mark_as_advanced(PIO_FONT_${font})
  if(PIO_FONT_${font})
    install(FILES ${PIO_FONT_${font}} DESTINATION ${CMAKE_INSTALL_DATADIR}/inference-pio/fonts)
  else()
    message(STATUS "Font ${font}: not found, not installed (fonts-inter, fonts-jetbrains-mono)")
  endif()
endforeach()
foreach(package fonts-inter fonts-jetbrains-mono)
  install(FILES /usr/share/doc/${package}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/inference-pio/fonts RENAME ${package}.txt OPTIONAL)
endforeach()
