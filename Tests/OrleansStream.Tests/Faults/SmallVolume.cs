using System.Diagnostics;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Faults;

/// <summary>A volume of its own that can be written full; a plain folder where none may be mounted.</summary>
internal sealed class SmallVolume : IAsyncDisposable
{
    private const int Bytes = 256 * 1024 * 1024;
    private const int BlockBytes = 64 * 1024;
    private readonly ScratchFolder _folder = new();

    public string Path => _folder.PathOf("volume");

    /// <summary>The path of a file that has room also while the volume is full.</summary>
    public string PathBeside(string name) => _folder.PathOf(name);

    /// <summary>False where the volume is the machine's own, which nobody fills.</summary>
    public bool CanBeFilled { get; private set; }

    public static async Task<SmallVolume> MountAsync()
    {
        var volume = new SmallVolume();
        Directory.CreateDirectory(volume.Path);
        volume.CanBeFilled = OperatingSystem.IsLinux() && await RunAsync("mount", "-t", "tmpfs", "-o", $"size={Bytes}", "tmpfs", volume.Path);
        return volume;
    }

    /// <summary>Leaves no room.</summary>
    public void Fill()
    {
        using var ballast = File.Open(System.IO.Path.Join(Path, "ballast"), FileMode.Create);
        var block = new byte[BlockBytes];
        try
        {
            for (var left = Bytes; left > 0; left -= BlockBytes)
            {
                ballast.Write(block);
                ballast.Flush();
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(System.IO.Path.Join(Path, "ballast"));

    public async ValueTask DisposeAsync()
    {
        if (CanBeFilled)
            await RunAsync("umount", Path);
        _folder.Dispose();
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        var (exitCode, _, _) = await OtherProgram.RunAsync(new ProcessStartInfo(program, arguments));
        return exitCode == 0;
    }
}
