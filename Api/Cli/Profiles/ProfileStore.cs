using System.Text.Json;

namespace OrleansStream.Cli.Profiles;

/// <summary>
/// The profiles, in a file that people may keep and share, and the name of the current one, which is this machine's state and lies elsewhere. Both
/// places are those of the XDG base directory specification; on Windows the first is below AppData.
/// </summary>
internal sealed class ProfileStore(Func<string, string?> variable)
{
    private const string Folder = "orleansstream";

    /// <summary>The file of the profiles.</summary>
    public string Path { get; } = System.IO.Path.Join(
        Home(variable, "XDG_CONFIG_HOME", OperatingSystem.IsWindows() ? "AppData/Roaming" : ".config"), Folder, "profiles.json");

    private string CurrentPath { get; } = System.IO.Path.Join(
        Home(variable, "XDG_STATE_HOME", OperatingSystem.IsWindows() ? "AppData/Local" : ".local/state"), Folder, "current-profile");

    /// <summary>The name of the current profile; null for none.</summary>
    public string? Current => variable("ORLEANSSTREAM_PROFILE") is { Length: > 0 } named
        ? named
        : File.Exists(CurrentPath) && File.ReadAllText(CurrentPath).Trim() is { Length: > 0 } kept ? kept : null;

    /// <summary>Reads the profiles; none when there is no file.</summary>
    /// <exception cref="InvalidDataException">The file is not as it should be; the message says where.</exception>
    public ProfileDocument Read()
    {
        if (!File.Exists(Path))
            return new ProfileDocument();
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(Path), ProfileJson.Default.ProfileDocument) ?? new ProfileDocument();
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{Path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the profiles, whole or not at all.</summary>
    public void Write(ProfileDocument document) => Replace(Path, JsonSerializer.Serialize(document, ProfileJson.Default.ProfileDocument) + "\n");

    /// <summary>Makes a profile the current one.</summary>
    /// <param name="name">Its name; null for none.</param>
    public void Use(string? name) => Replace(CurrentPath, name is null ? "" : name + "\n");

    private static void Replace(string path, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        var whole = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(whole, text);
        File.Move(whole, path, overwrite: true);
    }

    private static string Home(Func<string, string?> variable, string name, string usual)
    {
        if (variable(name) is { Length: > 0 } set && System.IO.Path.IsPathRooted(set))
            return set;
        return System.IO.Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), usual);
    }
}
