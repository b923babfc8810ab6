; Additions to electron-builder's installer for Windows. A silent installation shows nothing and asks nothing.

!macro customHeader
  ; Details stay hidden in the assisted installer; a silent one (/S) has no window.
  ShowInstDetails nevershow
  ShowUninstDetails nevershow
!macroend

!macro customInstall
  ; muster:// for everyone on this machine. A link carries no secret, and never changes the server without the person's answer.
  WriteRegStr SHELL_CONTEXT "Software\Classes\muster" "" "URL:Muster"
  WriteRegStr SHELL_CONTEXT "Software\Classes\muster" "URL Protocol" ""
  WriteRegStr SHELL_CONTEXT "Software\Classes\muster\DefaultIcon" "" "$INSTDIR\${APP_EXECUTABLE_FILENAME},0"
  WriteRegStr SHELL_CONTEXT "Software\Classes\muster\shell\open\command" "" '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" "%1"'
  ; Starts at every sign-in, in the background; it ends at once where neither IT nor the person wants that.
  WriteRegStr SHELL_CONTEXT "Software\Microsoft\Windows\CurrentVersion\Run" "Muster" '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" --hidden --at-login'
!macroend

!macro customUnInstall
  ; An update removes the old version first: then everything stays.
  ${ifNot} ${isUpdated}
    DeleteRegKey SHELL_CONTEXT "Software\Classes\muster"
    DeleteRegValue SHELL_CONTEXT "Software\Microsoft\Windows\CurrentVersion\Run" "Muster"
  ${endIf}
!macroend
