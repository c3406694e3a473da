using System.Reflection;
using Aspire.Hosting;
using Microsoft.Extensions.Hosting;

namespace OrleansStream.AspireTests;

/// <summary>The application host's package knows nothing of the service and its client; the other one knows the client alone.</summary>
public sealed class ProjectGraphTests
{
    [Fact]
    public void Packages_ReferToThoseBelowThemOnly()
    {
        Assert.Empty(OwnReferencesOf(typeof(OrleansStreamBuilderExtensions).Assembly));
        Assert.Equal(["OrleansStream.Client"], OwnReferencesOf(typeof(AspireOrleansStreamExtensions).Assembly));
    }

    private static IEnumerable<string> OwnReferencesOf(Assembly assembly) => assembly.GetReferencedAssemblies()
        .Select(reference => reference.Name!).Where(name => name.StartsWith("OrleansStream.", StringComparison.Ordinal));
}
