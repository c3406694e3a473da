namespace OrleansStream.Tests.Support.Processes;

/// <summary>The programs of this machine that some tests use, and no machine must have.</summary>
internal static class Installed
{
    /// <summary>The browsers that are looked for.</summary>
    public static readonly string[] Browsers = ["chromium", "chromium-browser", "google-chrome"];

    /// <summary>A browser; null when there is none.</summary>
    public static string? FindBrowser() => Browsers.Select(Find).FirstOrDefault(path => path is not null);

    /// <summary>The path of a program; null when it is not installed.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Join(folder, program)).FirstOrDefault(File.Exists);
}
