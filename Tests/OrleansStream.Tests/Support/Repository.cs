namespace OrleansStream.Tests.Support;

/// <summary>Where the tests find what is not theirs: the repository's files and the built service.</summary>
internal static class Repository
{
    /// <summary>The repository's folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The service, built with the tests and by the same configuration.</summary>
    public static string ServiceAssembly { get; } = FindAssembly("Api");

    /// <summary>The silo as a process of its own, built likewise.</summary>
    public static string SiloAssembly { get; } = FindAssembly("Silo");

    /// <summary>The command line that users install, built likewise.</summary>
    public static string CommandLineAssembly { get; } = FindAssembly(Path.Join("Api", "Cli"));

    /// <summary>The configuration that the tests and the service are built with.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary>A file or folder of the repository.</summary>
    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Join([Root, .. parts]);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Join(folder.FullName, "OrleansStream.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds OrleansStream.sln.");
    }

    private static string FindAssembly(string project)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        return PathOf(project, "bin", output.Parent!.Name, output.Name, $"OrleansStream.{Path.GetFileName(project)}.dll");
    }
}
