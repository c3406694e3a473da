namespace OrleansStream.Comparison.Processes;

/// <summary>Where the built programs of this repository are.</summary>
internal static class Repository
{
    private const string Configuration =
#if DEBUG
        "Debug";
#else
        "Release";
#endif

    /// <summary>The repository's folder.</summary>
    public static string Folder { get; } = FindFolder();

    /// <summary>True when the programs were built to be measured.</summary>
    public static bool IsRelease => Configuration == "Release";

    /// <summary>The folder of the build whose services are measured: this repository's, unless another is asked for.</summary>
    public static string MeasuredFolder { get; set; } = Folder;

    /// <summary>The Api's program.</summary>
    public static string Api => ApiOf(MeasuredFolder);

    /// <summary>The Api's program in another folder of this repository.</summary>
    /// <param name="folder">The folder.</param>
    public static string ApiOf(string folder) => Path.Join(folder, "Api", "bin", Configuration, "net10.0", "OrleansStream.Api.dll");

    /// <summary>The silo's program.</summary>
    public static string Silo => Path.Join(MeasuredFolder, "Silo", "bin", Configuration, "net10.0", "OrleansStream.Silo.dll");

    /// <summary>This program.</summary>
    public static string Comparison => typeof(Repository).Assembly.Location;

    /// <summary>The blob store that the tests use; it is there once they were built.</summary>
    public static string Azurite => Path.Join(Folder, "infra", "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js");

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Join(folder.FullName, "OrleansStream.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException("This program runs from within the repository only.");
    }
}
