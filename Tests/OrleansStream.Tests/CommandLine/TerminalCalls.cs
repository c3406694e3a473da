using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Starts a program at a new terminal, by the system calls of POSIX and the numbers of Linux.</summary>
internal static unsafe partial class TerminalCalls
{
    private const int OpenReadWrite = 2, OpenNoControllingTerminal = 0x100;
    private const short SpawnSetSession = 0x80, SpawnSetDefaultSignals = 0x04;
    private const int InterruptSignal = 2, QuitSignal = 3;
    private const int KillSignal = 9, WaitNoHang = 1;
    private const uint SetWindowSize = 0x5414;
    // More than any C library needs for either of its spawn objects.
    private const int SpawnObjectBytes = 1024;
    private const int NameBytes = 256;
    private const ushort Rows = 40, Columns = 120;

    /// <summary>Starts a program.</summary>
    /// <param name="start">What to run; its streams are the terminal.</param>
    /// <returns>The terminal's other end, and the process.</returns>
    public static (SafeFileHandle Terminal, int ProcessId) Start(ProcessStartInfo start)
    {
        var master = Check(OpenTerminal(OpenReadWrite | OpenNoControllingTerminal), "posix_openpt");
        var handle = new SafeFileHandle(master, ownsHandle: true);
        Check(GrantTerminal(master), "grantpt");
        Check(UnlockTerminal(master), "unlockpt");
        var size = stackalloc ushort[4] { Rows, Columns, 0, 0 };
        Check(Control(master, SetWindowSize, size), "ioctl");
        var name = stackalloc byte[NameBytes];
        Check(NameTerminal(master, name, NameBytes), "ptsname_r");
        return (handle, Spawn(start, name));
    }

    /// <summary>The exit code of a process that <see cref="Start"/> started; below 0 for the signal that killed it; null while it runs.</summary>
    public static int? ExitCodeOf(int processId)
    {
        int status;
        if (WaitFor(processId, &status, WaitNoHang) != processId)
            return null;
        return (status & 0x7F) == 0 ? (status >> 8) & 0xFF : -(status & 0x7F);
    }

    /// <summary>Kills a process.</summary>
    public static void End(int processId) => _ = Kill(processId, KillSignal);

    private static int Spawn(ProcessStartInfo start, byte* terminal)
    {
        var actions = stackalloc byte[SpawnObjectBytes];
        var attributes = stackalloc byte[SpawnObjectBytes];
        CheckSpawn(InitActions(actions));
        CheckSpawn(InitAttributes(attributes));
        // The leader of a session that opens a terminal has it as its own: Ctrl-C reaches it.
        CheckSpawn(SetFlags(attributes, SpawnSetSession | SpawnSetDefaultSignals));
        // A shell lets what it runs in the background ignore Ctrl-C, which programs inherit. At a terminal nobody does.
        var signals = stackalloc byte[SpawnObjectBytes];
        Check(EmptySignals(signals), "sigemptyset");
        Check(AddSignal(signals, InterruptSignal), "sigaddset");
        Check(AddSignal(signals, QuitSignal), "sigaddset");
        CheckSpawn(SetDefaultSignals(attributes, signals));
        CheckSpawn(AddOpen(actions, 0, terminal, OpenReadWrite, 0));
        CheckSpawn(AddCopy(actions, 0, 1));
        CheckSpawn(AddCopy(actions, 0, 2));
        string[] words = [start.FileName, .. start.ArgumentList];
        string[] variables = [.. start.Environment.Select(variable => $"{variable.Key}={variable.Value}")];
        var argv = Strings(words);
        var envp = Strings(variables);
        try
        {
            int processId;
            CheckSpawn(SpawnProgram(&processId, start.FileName, actions, attributes, argv, envp));
            return processId;
        }
        finally
        {
            Free(argv, words.Length);
            Free(envp, variables.Length);
            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
        }
    }

    private static byte** Strings(string[] texts)
    {
        var strings = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Length + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Length; i++)
            strings[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        return strings;
    }

    private static void Free(byte** strings, int count)
    {
        for (var i = 0; i < count; i++)
            Marshal.FreeCoTaskMem((nint)strings[i]);
        NativeMemory.Free(strings);
    }

    private static int Check(int result, string call) => result >= 0
        ? result
        : throw new InvalidOperationException($"{call} failed: {Marshal.GetLastPInvokeErrorMessage()}");

    private static void CheckSpawn(int error)
    {
        if (error != 0)
            throw new InvalidOperationException($"posix_spawn failed: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenTerminal(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GrantTerminal(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int UnlockTerminal(int master);

    [LibraryImport("libc", EntryPoint = "ptsname_r", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NameTerminal(int master, byte* name, nuint length);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int master, nuint request, ushort* size);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int InitActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int AddOpen(byte* actions, int descriptor, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int AddCopy(byte* actions, int descriptor, int copy);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int InitAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int DestroyAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetDefaultSignals(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "sigemptyset", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EmptySignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigaddset", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int AddSignal(byte* signals, int signal);

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SpawnProgram(int* processId, string path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int WaitFor(int processId, int* status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
