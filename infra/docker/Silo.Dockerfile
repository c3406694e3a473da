# One silo of the cluster. Built from the repository's root: docker build -f infra/docker/Silo.Dockerfile .
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
# Projects before code: packages are restored again only when what is referenced changes.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY .config/ .config/
COPY Grains.Interfaces/*.csproj Grains.Interfaces/
COPY Grains/*.csproj Grains/
COPY Silo/*.csproj Silo/
RUN dotnet restore Silo
COPY Grains.Interfaces/ Grains.Interfaces/
COPY Grains/ Grains/
COPY Silo/ Silo/
RUN dotnet publish Silo --no-restore --configuration Release --output /app -p:UseAppHost=false

# Chiselled: no shell, no package manager, nothing that runs as root.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app .
# Every address of the container, for health; the silo's own ports are settings.
ENV URLS=http://+:8080 ASPNETCORE_HTTP_PORTS=
EXPOSE 8080 11111 30000
USER $APP_UID
ENTRYPOINT ["dotnet", "OrleansStream.Silo.dll"]
