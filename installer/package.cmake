# `cpack --config build/release/CPackConfig.cmake`: a .deb for the distribution it is made on, and a .tar.gz that runs from any folder.
set(PIO_MAINTAINER "Inference-PIO maintainers <maintainers@inference-pio.github.io>" CACHE STRING "Who answers for a package: NAME <ADDRESS>")

set(CPACK_PACKAGE_NAME inference-pio)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "Inference-PIO")
set(CPACK_PACKAGE_CONTACT "${PIO_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "assistant whose language model runs on this computer")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_THREADS 0)
set(CPACK_PACKAGE_FILE_NAME inference-pio-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/installer/package_kind.cmake)
set(CPACK_COMPONENTS_ALL Unspecified standalone)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME inference-pio)
set(CPACK_DEBIAN_UNSPECIFIED_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
if(PIO_HOMEPAGE)
  set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "${PIO_HOMEPAGE}")
endif()
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Answers questions, changes source code and looks at pictures with language
models that run inside the program. Nothing that is typed leaves the computer,
and the history survives a crash in the middle of a word.
.
Models are GGUF files or folders of Hugging Face; none is part of the package.
The command pio is the same engine in a terminal.")
# The libraries that the programs name are found by dpkg-shlibdeps. It sees neither what QML imports nor what Qt loads by name: these.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(PIO_APP)
  set(depends
    fonts-inter fonts-jetbrains-mono libqt6sql6-sqlite libqt6svg6 qt6-qpa-plugins
    qml6-module-qt-labs-folderlistmodel qml6-module-qt-labs-qmlmodels qml6-module-qtqml qml6-module-qtqml-models qml6-module-qtqml-workerscript
    qml6-module-qtquick qml6-module-qtquick-controls qml6-module-qtquick-dialogs qml6-module-qtquick-layouts qml6-module-qtquick-shapes
    qml6-module-qtquick-templates qml6-module-qtquick-window)
  list(JOIN depends ", " CPACK_DEBIAN_PACKAGE_DEPENDS)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "fonts-noto-core, fonts-noto-cjk, libvulkan1, qt6-translations-l10n, qt6-wayland, xdg-desktop-portal")
endif()
# The module for NVIDIA's cards is a package of its own: it is large, and of use to few. It brings CUDA's runtime with it and looks for the driver when it runs.
if(TARGET pio_cuda)
  set(CPACK_PIO_CUDA_COMPONENT cuda)
  set(CPACK_DEBIAN_CUDA_PACKAGE_NAME inference-pio-cuda)
  set(CPACK_DEBIAN_CUDA_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_CUDA_PACKAGE_DEPENDS "inference-pio (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_CUDA_PACKAGE_RECOMMENDS "")
  set(CPACK_DEBIAN_CUDA_DESCRIPTION
"Has models computed on cards of NVIDIA's by way of CUDA. It takes a driver for
CUDA 13.0 or newer, and nothing else of CUDA's. Without this package these
cards are used by way of Vulkan.")
endif()
include(CPack)
