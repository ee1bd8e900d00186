# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Rooms: folders of C sources with one static library each. A room lists the rooms that it may see. Its compiler finds the
# headers of those and of no other room: the only include root is a folder of links, ${CMAKE_BINARY_DIR}/rooms/ROOM, so
# that a forbidden #include does not compile. tests/layering checks the same for the compiled references.

# Creates the include root of `name` with a link to each room that it sees, and returns it in `out`.
function(rdmasec_include_root name out)
	set(root "${CMAKE_BINARY_DIR}/rooms/${name}")
	file(REMOVE_RECURSE "${root}")
	file(MAKE_DIRECTORY "${root}")
	foreach(room ${ARGN})
		foreach(parent core/ "" providers/rdmasec/)
			if(EXISTS "${PROJECT_SOURCE_DIR}/${parent}${room}")
				file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${parent}${room}" "${root}/${room}" SYMBOLIC)
				break()
			endif()
		endforeach()
	endforeach()
	set(${out} "${root}" PARENT_SCOPE)
endfunction()

# rdmasec_sees(TARGET [SANITIZED] ROOM...): TARGET includes headers of these rooms, and is linked to them.
function(rdmasec_sees target)
	cmake_parse_arguments(ARG "SANITIZED" "" "" ${ARGN})
	set(suffix "")
	if(ARG_SANITIZED)
		set(suffix "-sanitized")
	endif()
	rdmasec_include_root(${target} root ${ARG_UNPARSED_ARGUMENTS})
	target_compile_options(${target} PRIVATE "SHELL:-iquote ${root}")
	list(TRANSFORM ARG_UNPARSED_ARGUMENTS PREPEND "rdmasec-")
	list(TRANSFORM ARG_UNPARSED_ARGUMENTS APPEND "${suffix}")
	target_link_libraries(${target} PRIVATE ${ARG_UNPARSED_ARGUMENTS})
endfunction()

function(rdmasec_room_library library name root suffix)
	cmake_parse_arguments(ROOM "" "" "SEES;SOURCES;LINKS;INCLUDES;DEFINES" ${ARGN})
	add_library(${library} STATIC ${ROOM_SOURCES})
	target_compile_options(${library} PRIVATE "SHELL:-iquote ${root}")
	target_include_directories(${library} PUBLIC ${ROOM_INCLUDES})
	target_compile_definitions(${library} PRIVATE ${ROOM_DEFINES})
	list(TRANSFORM ROOM_SEES PREPEND "rdmasec-")
	list(TRANSFORM ROOM_SEES APPEND "${suffix}")
	target_link_libraries(${library} PRIVATE ${ROOM_SEES} ${ROOM_LINKS})
endfunction()

# rdmasec_room(NAME SOURCES FILE... [SEES ROOM...] [LINKS LIBRARY...] [INCLUDES FOLDER...] [DEFINES MACRO...]):
# the library rdmasec-NAME, and rdmasec-NAME-sanitized, the same under ASan and UBSan, for the unit tests.
function(rdmasec_room name)
	cmake_parse_arguments(ROOM "" "" "SEES" ${ARGN})
	rdmasec_include_root(${name} root ${name} ${ROOM_SEES})
	rdmasec_room_library(rdmasec-${name} ${name} "${root}" "" ${ARGN})
	set_property(GLOBAL APPEND PROPERTY RDMASEC_ROOMS ${name})
	set_property(GLOBAL PROPERTY RDMASEC_ROOM_${name}_SEES "${ROOM_SEES}")
	if(BUILD_TESTING)
		rdmasec_room_library(rdmasec-${name}-sanitized ${name} "${root}" "-sanitized" ${ARGN})
		target_compile_options(rdmasec-${name}-sanitized PUBLIC ${RDMASEC_SANITIZERS} -U_FORTIFY_SOURCE)
		target_link_options(rdmasec-${name}-sanitized PUBLIC ${RDMASEC_SANITIZERS})
	endif()
endfunction()

# Writes ${CMAKE_BINARY_DIR}/rooms/rooms.txt for tests/layering: a line "ROOM LIBRARY SEEN-ROOM..." for each room.
function(rdmasec_write_rooms)
	get_property(rooms GLOBAL PROPERTY RDMASEC_ROOMS)
	set(text "")
	foreach(name ${rooms})
		get_property(sees GLOBAL PROPERTY RDMASEC_ROOM_${name}_SEES)
		list(JOIN sees " " sees)
		string(APPEND text "${name} $<TARGET_FILE:rdmasec-${name}> ${sees}\n")
	endforeach()
	file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/rooms/rooms.txt" CONTENT "${text}")
endfunction()
