# What differs between the kinds of package; cpack reads it once for each of them.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENTS_ALL Unspecified ${CPACK_PIO_CUDA_COMPONENT})  # what is `standalone` is the distribution's here
  set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)                 # and each component a package of its own
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
endif()
