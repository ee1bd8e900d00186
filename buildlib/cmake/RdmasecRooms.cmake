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

# rdmasec_sees(TARGET [SANITIZED] [TEST] ROOM...): TARGET includes headers of these rooms, and is linked to them.
# tests/layering checks TARGET unless it is a TEST.
function(rdmasec_sees target)
	cmake_parse_arguments(ARG "SANITIZED;TEST" "" "" ${ARGN})
	set(suffix "")
	if(ARG_SANITIZED)
		set(suffix "-sanitized")
	endif()
	rdmasec_include_root(${target} root ${ARG_UNPARSED_ARGUMENTS})
	if(NOT ARG_SANITIZED AND NOT ARG_TEST)
		set_property(GLOBAL APPEND PROPERTY RDMASEC_PROGRAMS ${target})
		set_property(GLOBAL PROPERTY RDMASEC_ROOM_${target}_SEES "${ARG_UNPARSED_ARGUMENTS}")
	endif()
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
	cmake_parse_arguments(ROOM "" "" "SEES;SOURCES;LINKS;INCLUDES;DEFINES" ${ARGN})
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

# Writes ${CMAKE_BINARY_DIR}/rooms/rooms.json for tests/layering: of each room, and of each program, what it sees and its
# object files.
function(rdmasec_write_rooms)
	get_property(rooms GLOBAL PROPERTY RDMASEC_ROOMS)
	get_property(programs GLOBAL PROPERTY RDMASEC_PROGRAMS)
	set(rows "")
	foreach(name ${rooms} ${programs})
		set(target ${name})
		if(name IN_LIST rooms)
			set(target rdmasec-${name})
		endif()
		get_property(sees GLOBAL PROPERTY RDMASEC_ROOM_${name}_SEES)
		list(JOIN sees " " sees)
		list(APPEND rows "  \"${name}\": { \"sees\": \"${sees}\", \"objects\": \"$<JOIN:$<TARGET_OBJECTS:${target}>,:>\" }")
	endforeach()
	list(JOIN rows ",\n" rows)
	file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/rooms/rooms.json" CONTENT "{\n${rows}\n}\n")
endfunction()
