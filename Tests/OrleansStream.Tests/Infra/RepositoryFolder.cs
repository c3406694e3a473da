namespace OrleansStream.Tests.Infra;

/// <summary>Finds files of the repository from a test's output folder, which lies below it.</summary>
internal static class RepositoryFolder
{
    private const string Mark = "OrleansStream.sln";

    public static string Root { get; } = FindRoot();

    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    public static string Read(params string[] parts) => File.ReadAllText(At(parts));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Mark)))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds {Mark}.");
    }
}
