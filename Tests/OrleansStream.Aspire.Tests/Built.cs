namespace OrleansStream.AspireTests;

/// <summary>Where the repository is, and the programs that were built with this test.</summary>
internal static class Built
{
    private static readonly DirectoryInfo Output = new(AppContext.BaseDirectory);

    /// <summary>The repository's folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The command line.</summary>
    public static string CommandLine { get; } = Find(Path.Join("Api", "Cli"), "OrleansStream.Cli.dll");

    /// <summary>The service.</summary>
    public static string Service { get; } = Find("Api", "OrleansStream.Api.dll");

    private static string Find(string project, string assembly) =>
        Path.Join(Root, project, "bin", Output.Parent!.Name, Output.Name, assembly);

    private static string FindRoot()
    {
        for (var folder = Output; folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Join(folder.FullName, "OrleansStream.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds OrleansStream.sln.");
    }
}
