if (-not $env:FETTLE_AGENT_EXE) {
  function Stop-Engine($Why) { [Console]::Error.WriteLine("patch engine: $Why"); exit 1 }
  $target = switch ($env:PROCESSOR_ARCHITECTURE) { 'AMD64' { 'windows-x86_64' } 'ARM64' { 'windows-aarch64' } default { '' } }
  $wanted = ''; $from = ''
  $words = '@BUILDS@' -split ' '
  for ($i = 0; $i + 2 -lt $words.Count; $i += 3) { if ($words[$i] -eq $target) { $wanted = $words[$i + 1]; $from = $words[$i + 2] } }
  if (-not $wanted) { Stop-Engine "the server has no build of it for this machine ($env:PROCESSOR_ARCHITECTURE). Put one there: aws s3 cp fettle-agent.exe s3://@BUCKET@/VERSION/windows-x86_64" }
  $folder = if ($env:FETTLE_ENGINE_DIR) { $env:FETTLE_ENGINE_DIR } else { Join-Path $env:ProgramData 'fettle-engine' }
  try {
    New-Item -ItemType Directory -Force -Path $folder -ErrorAction Stop | Out-Null
    icacls.exe $folder /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "icacls ended with $LASTEXITCODE" }
  } catch { Stop-Engine "cannot make the folder ${folder}: $_" }
  $program = Join-Path $folder "fettle-agent-$wanted.exe"
  if (-not (Test-Path $program) -or (Get-FileHash -Algorithm SHA256 $program).Hash -ne $wanted) {
    $part = Join-Path $folder "part-$([guid]::NewGuid())"
    try {
      [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
      $ProgressPreference = 'SilentlyContinue'
      Invoke-WebRequest -UseBasicParsing -Uri $from -OutFile $part -TimeoutSec 600 -ErrorAction Stop
    } catch { Stop-Engine "it could not be fetched from @SERVER@: $($_.Exception.Message)" }
    $found = (Get-FileHash -Algorithm SHA256 $part).Hash
    if ($found -ne $wanted) { Remove-Item -Force $part; Stop-Engine "what @SERVER@ sent has the SHA-256 $found and should have $wanted; nothing was run" }
    try { Move-Item -Force $part $program -ErrorAction Stop } catch { Stop-Engine "cannot keep ${program}: $_" }
  }
  $env:FETTLE_AGENT_EXE = $program
  $env:FETTLE_AGENT_SERVER = '@SERVER@'
  if (-not $env:FETTLE_AGENT_DATA) { $env:FETTLE_AGENT_DATA = Join-Path $folder 'data' }
}
