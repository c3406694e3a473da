using System.Diagnostics;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Comparison;

/// <summary>The benchmarks of the pure core: that they run, and that what they are compiled from is pure.</summary>
public sealed class BenchmarksTests
{
    private static string Assembly { get; } = Repository.PathOf(
        "Tests", "Benchmarks", "bin", Repository.Configuration, "net10.0", "OrleansStream.Benchmarks.dll");

    [Fact]
    public async Task Smoke_RunsEveryBenchmarkOnce()
    {
        var (exitCode, output, errors) = await OtherProgram.RunAsync(new ProcessStartInfo("dotnet", [Assembly, "--smoke"]));

        Assert.True(exitCode == 0, $"{output}\n{errors}");
        foreach (var subject in (string[])["Codec", "Hash", "Log", "Group"])
            Assert.Contains($"{subject}Benchmarks.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Core_NamesNoAssemblyOfARuntimeAboveIt()
    {
        using var file = new PEReader(File.OpenRead(Assembly));
        var metadata = file.GetMetadataReader();

        string[] referenced = [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];

        Assert.Contains("System.Runtime", referenced);
        Assert.DoesNotContain(referenced, name => name.StartsWith("Orleans", StringComparison.Ordinal)
            || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
            || name.StartsWith("Azure", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Grains.Interfaces/Records")]
    [InlineData("Grains/Log")]
    [InlineData("Grains.Interfaces/Topics/Partitioning")]
    [InlineData("Grains/Groups/State")]
    [InlineData("Grains/Storage/Memory")]
    [InlineData("Grains/Storage/Files")]
    public void Core_OfEachPureFolder_IsCompiledWhole(string folder) =>
        Assert.Contains($"\"../../{folder}/**/*.cs\"", File.ReadAllText(Repository.PathOf("Tests", "Benchmarks", "Benchmarks.csproj")), StringComparison.Ordinal);
}
